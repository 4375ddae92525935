package gil_test

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

// state gives functions that say when they run, and what lets one in C go.
const state = `
import threading
entered = threading.Semaphore(0)
door = threading.Lock()
door.acquire()
attempts = []
def spin(data):
    entered.release()
    while True: pass
def stubborn(data):
    while True:
        try:
            entered.release()
            while True: pass
        except BaseException as e:
            attempts.append(type(e).__name__)
            if len(attempts) > 1: return b'gave in'
def acquire(): # nothing is raised in it, nor right after it
    entered.release()
    door.acquire()
def waits(data): acquire()
def waits_and_raises(data): return acquire() or [].index(data)
def stuck(data):
    told = False # an interruption may come before it waits
    while True:
        try:
            if not told:
                told = True
                entered.release()
            with door: return b'late'
        except BaseException: pass
`

// interruptible runs a function of state in a call, and gives what ends its context once it runs, and
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
	pythontest.With(t, func(tok gil.Token) { // gives the GIL up while it waits
		pythontest.Define(t, tok, "import interrupts\nvalue = interrupts.entered.acquire()", "value")
	})
	return end, done
}

func defineState(t *testing.T) {
	t.Helper()
	pythontest.With(t, func(tok gil.Token) {
		pythontest.Define(t, tok, state+"\nimport sys, types\nvalue = sys.modules['interrupts'] = types.SimpleNamespace(**globals())", "value")
	})
}

func TestEndedContextInterruptsPython(t *testing.T) {
	defineState(t)
	before := gil.Stats().Interrupted
	cancel, result := interruptible(t, "spin")
	cancel()
	err := <-result
	require.ErrorIs(t, err, context.Canceled)
	var interrupted *gil.InterruptedError
	require.ErrorAs(t, err, &interrupted)
	assert.False(t, interrupted.Stuck)
	assert.Contains(t, interrupted.Stack, "in spin")
	assert.Contains(t, err.Error(), "udf spin was interrupted: context canceled")
	assert.Greater(t, gil.Stats().Interrupted, before)
	pythontest.Until(t, "nothing is stuck", func() bool { return len(gil.Stats().Stuck) == 0 })
}

// TestInterruptedAgain has a function that swallows the first interruption.
func TestInterruptedAgain(t *testing.T) {
	defineState(t)
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
	defineState(t)
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
	pythontest.With(t, func(tok gil.Token) {
		pythontest.Define(t, tok, "import interrupts\nvalue = interrupts.door.release()", "value")
	})
	pythontest.Until(t, "it ends", func() bool { return len(gil.Stats().Stuck) == 0 && !pythontest.IsInside("udf stuck") })
}

// TestStayingCallIsInterruptedAndNotLeft waits for a call that sits in C code, though its context ended.
func TestStayingCallIsInterruptedAndNotLeft(t *testing.T) {
	defineState(t)
	cancel, result := interruptible(t, "spin", gil.Stay)
	cancel()
	require.ErrorIs(t, <-result, context.Canceled)
	cancel, result = interruptible(t, "stuck", gil.Stay)
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
	pythontest.With(t, func(tok gil.Token) {
		pythontest.Define(t, tok, "import interrupts\nvalue = interrupts.door.release()", "value")
	})
	if err := <-result; err != nil { // nil where it waited before the exception could be raised
		require.ErrorIs(t, err, context.Canceled)
	}
}

// TestCallThatEndsByItselfHasItsOwnOutcome, though its context ended, it was told to stop, and its thread had not looked
// yet: a value, and an error.
func TestCallThatEndsByItselfHasItsOwnOutcome(t *testing.T) {
	defineState(t)
	for _, name := range []string{"waits", "waits_and_raises"} {
		cancel, result := interruptible(t, name, gil.Stay)
		cancel()
		pythontest.Until(t, "it was told", func() bool {
			stuck := gil.Stats().Stuck
			return len(stuck) == 1 && stuck[0].Stack != ""
		})
		openDoor(t)
		require.NoError(t, <-result, name) // what the function raised is in its outcome
	}
}

// TestEndedContextInterruptsWith interrupts what the body of With has called.
func TestEndedContextInterruptsWith(t *testing.T) {
	defineState(t)
	ctx, cancel := context.WithCancel(gil.WithLabel(background, "body"))
	go func() {
		_ = gil.With(background, func(tok gil.Token) error {
			pythontest.Define(t, tok, "import interrupts\nvalue = interrupts.entered.acquire()", "value")
			cancel()
			return nil
		})
	}()
	err := gil.With(ctx, func(tok gil.Token) error {
		m, err := pythontest.Runtime().Import(tok, "interrupts")
		if err != nil {
			return err
		}
		defer m.Release()
		result, err := m.CallMethod(tok, "spin", nil)
		result.Release()
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
	var interrupted *gil.InterruptedError
	require.ErrorAs(t, err, &interrupted)
	assert.ErrorContains(t, interrupted.Err, "Interrupted")
	assert.Contains(t, interrupted.Stack, "in spin")
	assert.NoError(t, gil.With(background, use))
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
					ctx = gil.Stay(ctx)
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
