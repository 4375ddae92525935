package pycall_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func init() {
	pythontest.Register("call before start", func() int { return callsWith(gil.ErrNotStarted) })
	pythontest.Register("call after failure", func() int {
		fmt.Println(pythontest.FailToStart())
		return callsWith(gil.ErrFailed)
	})
	pythontest.Register("call after close", func() int {
		rt, err := pythontest.Start()
		if err == nil {
			err = rt.Close(background)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return callsWith(gil.ErrClosed)
	})
}

// callsWith makes a call, and is 0 when it fails with want.
func callsWith(want error) int {
	if _, err := callBytes(background, nil, nil, nil); !errors.Is(err, want) {
		fmt.Fprintf(os.Stderr, "%v instead of %v\n", err, want)
		return 1
	}
	return 0
}

func TestCallOutsideLifeIsError(t *testing.T) {
	for _, script := range []string{"call before start", "call after failure", "call after close"} {
		t.Run(script, func(t *testing.T) {
			_, stderr, code := pythontest.Script(t, script)
			assert.Zero(t, code, stderr)
		})
	}
}

func TestEndedContextDoesNotCall(t *testing.T) {
	fn := function(t, "def f(data): return data")
	ctx, cancel := context.WithCancel(background)
	cancel()
	_, err := callBytes(ctx, fn, nil, nil)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestWaitEndsWithContext(t *testing.T) {
	fn := function(t, "def f(data): return data")
	giveBack := pythontest.Exhaust(t, 0)
	ctx, cancel := context.WithCancel(background)
	result := make(chan error, 1)
	go func() {
		_, err := callBytes(ctx, fn, nil, nil)
		result <- err
	}()
	pythontest.Until(t, "it waits", func() bool { return gil.Stats().Queue > 0 })
	cancel()
	require.ErrorIs(t, <-result, context.Canceled)
	giveBack()
	_, err := callBytes(background, fn, nil, nil)
	assert.NoError(t, err)
}

// TestCallsAreCounted: of calls each thread times one in eight, which counts as eight, so that what a thread counted
// lags by up to seven; the goroutine may have changed threads.
func TestCallsAreCounted(t *testing.T) {
	fn := function(t, "def f(data): return data")
	before := gil.Stats()
	const calls = 800
	for range calls {
		_, err := callBytes(background, fn, nil, nil)
		require.NoError(t, err)
	}
	after := gil.Stats()
	const least = calls - calls/8
	assert.GreaterOrEqual(t, after.Wait.Count-before.Wait.Count, int64(least))
	assert.GreaterOrEqual(t, after.Hold.Count-before.Hold.Count, int64(least))
	assert.Greater(t, after.Hold.Sum, before.Hold.Sum)
}
