package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestByteSize(t *testing.T) {
	for text, want := range map[string]byteSize{
		"0": 0, "1073741824": 1 << 30, "1GiB": 1 << 30, "1gib": 1 << 30, " 64 MB ": 64e6, "3KiB": 3 << 10, "5b": 5, "-5": -5,
		"9223372036854775807": 1<<63 - 1, "2TiB": 2 << 40, "8kB": 8000,
	} {
		var b byteSize
		require.NoError(t, b.Set(text), text)
		assert.Equal(t, want, b, text)
		var again byteSize
		require.NoError(t, again.Set(b.String()), b.String())
		assert.Equal(t, b, again, "what a worker of run -n gets")
	}
	for _, text := range []string{"", "GiB", "1.5GiB", "1PiB", "1 G iB", "x1", "9223372036854775808", "9000000TiB", "1e9", "0x10"} {
		var b byteSize
		assert.Error(t, b.Set(text), text)
	}
	huge := byteSize(1 << 30)
	assert.Equal(t, "1GiB", huge.String())
}
