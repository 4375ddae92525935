package launch

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// equal compares texts that are too long to print.
func equal(t *testing.T, want, got, what string) {
	t.Helper()
	assert.True(t, want == got, "%s: %d bytes, want %d", what, len(got), len(want))
}

func prefixed(t *testing.T, pieces ...string) string {
	t.Helper()
	var out bytes.Buffer
	p := newPrefixer(7, &out, &sync.Mutex{})
	for _, piece := range pieces {
		n, err := p.Write([]byte(piece))
		require.NoError(t, err)
		require.Equal(t, len(piece), n)
	}
	require.NoError(t, p.flush())
	return out.String()
}

func TestPrefixer(t *testing.T) {
	assert.Empty(t, prefixed(t))
	assert.Equal(t, "[7] a\n[7] \n[7] bc\n", prefixed(t, "a\n\nb", "c\n"))
	assert.Equal(t, "[7] last\n", prefixed(t, "la", "st"))
	assert.Equal(t, "[7] \x00\xff\x1b\n", prefixed(t, "\x00\xff\x1b\n"))
}

// TestPrefixerLongLines: nothing is lost, and no more is kept than the bound.
func TestPrefixerLongLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	equal(t, "[7] "+long+"\n", prefixed(t, long, "\n"), "one that just fits, and its end later")
	equal(t, "[7] "+long+"\n", prefixed(t, long+"\n"), "one that just fits")
	equal(t, "[7] "+long+"\n[7] y\n", prefixed(t, long, "y\n"), "one byte more")
	equal(t, "[7] "+long+"\n[7] "+long+"\n[7] z\n", prefixed(t, long+long+"z"), "three pieces")
}
