package handler_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRunUDFAllocates bounds what a small call costs Go's collector: the result, and one more.
func TestRunUDFAllocates(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	h := newHandler(t)
	p := pickled(t, h, "(math.hypot, (3, 4), {})")
	ctx := t.Context()
	perCall := testing.AllocsPerRun(500, func() {
		_, err := h.RunUDF(ctx, p)
		require.NoError(t, err)
	})
	assert.LessOrEqual(t, perCall, 2.0)
	t.Logf("%v allocations", perCall)
}
