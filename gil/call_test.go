package gil_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func TestCallGivesWhatItsFunctionReturned(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	errBody := errors.New("body")
	for _, ctx := range []context.Context{background, ctx} {
		n, err := gil.Call(ctx, func(tok gil.Token) (int, error) {
			assert.True(t, gil.Held())
			return 42, use(tok)
		})
		require.NoError(t, err)
		assert.Equal(t, 42, n)
		_, err = gil.Call(ctx, func(gil.Token) (int, error) { return 0, errBody })
		assert.Equal(t, errBody, err)
		assert.PanicsWithValue(t, "boom", func() { _, _ = gil.Call(ctx, func(gil.Token) (int, error) { panic("boom") }) })
		elsewhere(func() {
			_, _ = gil.Call(ctx, func(gil.Token) (int, error) { runtime.Goexit(); return 0, nil })
			assert.Fail(t, "it went on after its function had ended the goroutine")
		})
	}
	pythontest.Quiet(t)
	ended, cancel := context.WithCancel(background)
	cancel()
	_, err := gil.Call(ended, func(gil.Token) (int, error) { assert.Fail(t, "ran"); return 0, nil })
	require.ErrorIs(t, err, context.Canceled)
	g := acquire(t)
	err = pythontest.Misuse(func() error {
		_, err := gil.Call(background, func(gil.Token) (int, error) { return 0, nil })
		return err
	})
	require.ErrorIs(t, err, gil.ErrHeld)
	require.NoError(t, g.Release())
}

// releasable is a result that has to be given back.
type releasable struct{ released atomic.Bool }

func (r *releasable) Release() { r.released.Store(true) }

// TestCallLeavesWhatIsStuck, and TestWithWaits: the two sides of what is promised about deadlines.
func TestCallLeavesWhatIsStuck(t *testing.T) {
	pythontest.DefineInterrupts(t)
	ctx, cancel := context.WithCancel(gil.WithLabel(background, "call stuck"))
	result := new(releasable)
	go func() {
		pythontest.AwaitEntered(t)
		cancel()
	}()
	got, err := gil.Call(ctx, func(tok gil.Token) (*releasable, error) { return result, pythontest.CallInterrupts(tok, "stuck") })
	assert.Nil(t, got)
	require.ErrorIs(t, err, context.Canceled)
	var interrupted *gil.InterruptedError
	require.ErrorAs(t, err, &interrupted)
	assert.True(t, interrupted.Stuck)
	assert.Equal(t, "call stuck", interrupted.Label)
	assert.Contains(t, interrupted.Stack, "in stuck")
	assert.True(t, pythontest.IsInside("call stuck"))
	assert.False(t, result.released.Load())
	pythontest.OpenDoor(t)
	pythontest.Quiet(t)
	pythontest.Until(t, "the late result is released", result.released.Load)
}

// TestCallReleasesNoNil: a function may have nothing to give, and its caller has left; a crash would be the process's.
func TestCallReleasesNoNil(t *testing.T) {
	pythontest.DefineInterrupts(t)
	ctx, cancel := context.WithCancel(background)
	go func() {
		pythontest.AwaitEntered(t)
		cancel()
	}()
	_, err := gil.Call(ctx, func(tok gil.Token) (*releasable, error) { return nil, pythontest.CallInterrupts(tok, "stuck") })
	require.ErrorIs(t, err, context.Canceled)
	pythontest.OpenDoor(t)
	pythontest.Quiet(t)
}

// TestCallIsInterrupted: within Patience, on a machine that is fast enough; a first interruption takes longest.
func TestCallIsInterrupted(t *testing.T) {
	pythontest.DefineInterrupts(t)
	pythontest.Until(t, "a call is interrupted within Patience", func() bool {
		ctx, cancel := context.WithCancel(background)
		go func() {
			pythontest.AwaitEntered(t)
			cancel()
		}()
		_, err := gil.Call(ctx, func(tok gil.Token) (int, error) { return 0, pythontest.CallInterrupts(tok, "spin") })
		var interrupted *gil.InterruptedError
		require.ErrorAs(t, err, &interrupted)
		require.ErrorIs(t, err, context.Canceled)
		pythontest.Quiet(t)
		return !interrupted.Stuck
	})
}

// TestCallLeavesWhileItWaitsForTheGIL that a call in C does not give up.
func TestCallLeavesWhileItWaitsForTheGIL(t *testing.T) {
	pythontest.Quiet(t)
	g := acquire(t)
	ctx, cancel := context.WithCancel(gil.WithLabel(background, "waits"))
	done := make(chan error)
	go func() {
		_, err := gil.Call(ctx, func(gil.Token) (int, error) { assert.Fail(t, "ran"); return 0, nil })
		done <- err
	}()
	pythontest.Until(t, "it waits for the GIL", func() bool { return gil.Stats().Inside == 2 })
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	require.NoError(t, g.Release())
	pythontest.Quiet(t)
}

// TestWithWaits for code in C, though its context has ended.
func TestWithWaits(t *testing.T) {
	pythontest.DefineInterrupts(t)
	cancel, result := pythontest.BeginWith(t, "stuck")
	cancel()
	pythontest.Until(t, "it is stuck", func() bool {
		stuck := gil.Stats().Stuck
		return len(stuck) == 1 && stuck[0].Abandoned // twice Patience, about
	})
	select {
	case err := <-result:
		assert.Fail(t, "left", "%v", err)
	default:
	}
	pythontest.OpenDoor(t)
	require.NoError(t, <-result, "its body did not fail")
	pythontest.Quiet(t)
}
