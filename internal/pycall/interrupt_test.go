package pycall_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// interruptible runs a function of interrupts in a call, and gives what ends its context once it runs, and
// its error.
func interruptible(t *testing.T, name string, more ...func(context.Context) context.Context) (cancel func(), result <-chan error) {
	t.Helper()
	var fn cpython.Ref
	pythontest.With(t, func(tok gil.Token) {
		p, err := pythontest.Define(t, tok, "import interrupts as value\nvalue = value."+name, "value").Pointer(tok)
		require.NoError(t, err)
		fn = cpython.Ref(p)
	})
	ctx, end := context.WithCancel(gil.WithLabel(background, "udf "+name))
	for _, with := range more {
		ctx = with(ctx)
	}
	done := make(chan error, 1)
	go func() {
		out, err := callBytes(ctx, fn, nil, nil)
		out.Drop()
		done <- err
	}()
	pythontest.AwaitEntered(t)
	return end, done
}

func TestEndedContextInterruptsPython(t *testing.T) {
	pythontest.DefineInterrupts(t)
	before := gil.Stats().Interrupted
	var err error
	var interrupted *gil.InterruptedError
	pythontest.Until(t, "Python is interrupted within a gil.Patience", func() bool { // which a busy machine may not grant it
		cancel, result := interruptible(t, "spin")
		cancel()
		err = <-result
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorAs(t, err, &interrupted)
		return !interrupted.Stuck
	})
	assert.Contains(t, interrupted.Stack, "in spin")
	assert.Contains(t, err.Error(), "udf spin was interrupted: context canceled")
	assert.Greater(t, gil.Stats().Interrupted, before)
	pythontest.Until(t, "nothing is stuck", func() bool { return len(gil.Stats().Stuck) == 0 })
}

// TestInterruptedAgain has a function that swallows the first interruption.
func TestInterruptedAgain(t *testing.T) {
	pythontest.DefineInterrupts(t)
	cancel, result := interruptible(t, "stubborn")
	cancel()
	require.ErrorIs(t, <-result, context.Canceled)
	pythontest.Until(t, "it ends", func() bool { return len(gil.Stats().Stuck) == 0 })
	pythontest.With(t, func(tok gil.Token) {
		twice, err := pythontest.Define(t, tok, "import interrupts\nvalue = interrupts.attempts == ['Interrupted'] * 2", "value").Truth(tok)
		require.NoError(t, err)
		assert.True(t, twice)
	})
}

// TestStuckCallIsLeft has a call that sits in C code: its caller gets away, it is named while it is
// stuck, and what comes of it is dropped.
func TestStuckCallIsLeft(t *testing.T) {
	pythontest.DefineInterrupts(t)
	cancel, result := interruptible(t, "stuck")
	cancel()
	err := <-result
	require.ErrorIs(t, err, context.Canceled)
	var interrupted *gil.InterruptedError
	require.ErrorAs(t, err, &interrupted)
	assert.True(t, interrupted.Stuck)
	assert.Contains(t, err.Error(), "udf stuck does not react to being interrupted and runs on")
	stuck := gil.Stats().Stuck
	require.Len(t, stuck, 1)
	assert.Equal(t, "udf stuck", stuck[0].Label)
	assert.Contains(t, stuck[0].Stack, "in stuck")
	assert.Positive(t, stuck[0].For)
	assert.True(t, pythontest.IsInside("udf stuck"), "a drain waits for it")
	pythontest.OpenDoor(t)
	pythontest.Until(t, "it ends", func() bool { return len(gil.Stats().Stuck) == 0 && !pythontest.IsInside("udf stuck") })
}

// TestStayingCallIsInterruptedAndNotLeft waits for a call that sits in C code, though its context ended.
func TestStayingCallIsInterruptedAndNotLeft(t *testing.T) {
	pythontest.DefineInterrupts(t)
	cancel, result := interruptible(t, "spin", gil.WaitForCompletion)
	cancel()
	require.ErrorIs(t, <-result, context.Canceled)
	cancel, result = interruptible(t, "stuck", gil.WaitForCompletion)
	cancel()
	pythontest.Until(t, "it is stuck", func() bool {
		stuck := gil.Stats().Stuck
		return len(stuck) == 1 && stuck[0].Stack != ""
	})
	select {
	case err := <-result:
		assert.Fail(t, "left", "%v", err)
	default:
	}
	pythontest.OpenDoor(t)
	if err := <-result; err != nil { // nil where it waited before the exception could be raised
		require.ErrorIs(t, err, context.Canceled)
	}
}

// TestCallThatEndsByItselfHasItsOwnOutcome, though its context ended, it was told to stop, and its thread had not looked
// yet: a value, and an error.
func TestCallThatEndsByItselfHasItsOwnOutcome(t *testing.T) {
	pythontest.DefineInterrupts(t)
	for _, name := range []string{"waits", "waits_and_raises"} {
		cancel, result := interruptible(t, name, gil.WaitForCompletion)
		cancel()
		pythontest.Until(t, "it was told", func() bool {
			stuck := gil.Stats().Stuck
			return len(stuck) == 1 && stuck[0].Stack != ""
		})
		pythontest.OpenDoor(t)
		require.NoError(t, <-result, name) // what the function raised is in its outcome
	}
}

// TestInterruptionHitsNobodyElse races interruptions with the ends of the calls that they are for, and
// with later calls on the same threads, which nobody interrupts.
func TestInterruptionHitsNobodyElse(t *testing.T) {
	const callers, each = 4, 2500
	fn := function(t, "def f(data):\n    for _ in range(data[0]): pass\n    return data")
	var interrupted, returned atomic.Int64
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for n := range each {
				ctx, cancel := context.WithCancel(background)
				if caller%2 == 0 {
					ctx = gil.WaitForCompletion(ctx)
				}
				go cancel()
				out, err := callBytes(ctx, fn, []byte{byte(n)}, nil)
				out.Drop()
				switch {
				case err == nil:
					returned.Add(1)
				case !errors.Is(err, context.Canceled):
					assert.NoError(t, err)
				default:
					interrupted.Add(1)
				}
				out, err = callBytes(background, fn, []byte{byte(n)}, nil)
				assert.NoError(t, err)
				assert.Equal(t, cpython.Bytes, out.What, "an exception that was another call's")
				out.Drop()
			}
		})
	}
	wg.Wait()
	t.Logf("%d ended before they returned, %d after", interrupted.Load(), returned.Load())
	assert.Positive(t, interrupted.Load())
	pythontest.Until(t, "nothing is stuck", func() bool { return len(gil.Stats().Stuck) == 0 })
}
