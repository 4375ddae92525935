package pybridge_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// TestCallsTogetherWaitForEachOther: calls that share a crossing, of which one waits in Go for all the others, those
// before it and those behind.
func TestCallsTogetherWaitForEachOther(t *testing.T) {
	fn := define(t, "def f(data, wait=None):\n    if wait: wait()\n    return data", "f")
	const calls, waiting = 9, 4
	var all, others sync.WaitGroup
	others.Add(calls - 1)
	var wait *pybridge.Object
	pythontest.With(t, func(tok gil.Token) {
		var err error
		wait, err = pybridge.NewFunc(tok, t.Context(), "wait", func(context.Context, []any, map[string]any) (any, error) {
			others.Wait()
			return nil, nil
		})
		require.NoError(t, err)
	})
	defer wait.Release()
	pythontest.With(t, func(gil.Token) { // so that the others wait for the GIL, or for who does
		for i := range calls {
			before := gil.Stats()
			all.Go(func() {
				if i == waiting {
					_, _, err := fn.CallBytes(context.Background(), []byte("x"), wait)
					assert.NoError(t, err)
					return
				}
				_, _, err := fn.CallBytes(context.Background(), []byte("x"), nil)
				assert.NoError(t, err)
				others.Done()
			})
			pythontest.Until(t, "one more waits", func() bool {
				s := gil.Stats()
				return s.Inside+s.Queue > before.Inside+before.Queue
			})
		}
	})
	all.Wait()
}
