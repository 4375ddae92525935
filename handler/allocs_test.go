package handler_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRunUDFAllocates bounds what a small call costs Go's collector: the result, and the start of a
// goroutine where the context can end.
func TestRunUDFAllocates(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	h := newHandler(t)
	p := pickled(t, h, "(math.hypot, (3, 4), {})")
	for most, ctx := range map[float64]context.Context{1: context.Background(), 2: t.Context()} {
		perCall := testing.AllocsPerRun(500, func() {
			_, err := h.RunUDF(ctx, p)
			require.NoError(t, err)
		})
		assert.LessOrEqual(t, perCall, most)
	}
}
