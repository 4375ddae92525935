//go:build !race

package pybridge_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCallBytesAllocations(t *testing.T) {
	echo := define(t, "def echo(payload): return payload", "echo")
	payload, ctx := make([]byte, 100), context.Background()
	var err error
	allocs := testing.AllocsPerRun(1000, func() {
		if _, _, e := echo.CallBytes(ctx, payload, nil); e != nil {
			err = e
		}
	})
	require.NoError(t, err)
	assert.LessOrEqual(t, allocs, 2.0)
}
