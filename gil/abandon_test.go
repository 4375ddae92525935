package gil_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// openDoor lets n calls of stuck go on.
func openDoor(t *testing.T) {
	t.Helper()
	pythontest.With(t, func(tok gil.Token) {
		pythontest.Define(t, tok, "import interrupts\nvalue = interrupts.door.release()", "value")
	})
}

func untilAbandoned(t *testing.T, n int) {
	t.Helper()
	pythontest.Until(t, "permits are given back", func() bool { return gil.Stats().Abandoned == n })
}

// TestStuckCallGivesItsPermitBack, whether its caller has left, waits for it, or made it under With.
func TestStuckCallGivesItsPermitBack(t *testing.T) {
	for name, begin := range map[string]func() (cancel func(), result <-chan error){
		"left":   func() (func(), <-chan error) { return interruptible(t, "stuck") },
		"stayed": func() (func(), <-chan error) { return interruptible(t, "stuck", gil.Stay) },
		"with":   func() (func(), <-chan error) { return interruptibleWith(t, "stuck") },
	} {
		t.Run(name, func(t *testing.T) {
			defineState(t)
			quiet(t)
			cancel, result := begin()
			cancel()
			untilAbandoned(t, 1)
			exhaust(t, 0)() // all permits are there for others
			stuck := gil.Stats().Stuck
			require.Len(t, stuck, 1)
			assert.True(t, stuck[0].Abandoned)
			assert.True(t, pythontest.IsInside(stuck[0].Label), "a drain waits for it")
			openDoor(t)
			err := <-result
			if name == "left" || err != nil { // the others have what came of it, unless it was interrupted before it waited
				require.ErrorIs(t, err, context.Canceled)
			}
			quiet(t)
		})
	}
}

// interruptibleWith is interruptible for a function that is called under With.
func interruptibleWith(t *testing.T, name string) (cancel func(), result <-chan error) {
	t.Helper()
	ctx, end := context.WithCancel(gil.WithLabel(background, "with "+name))
	done := make(chan error, 1)
	go func() {
		done <- gil.With(ctx, func(tok gil.Token) error { return method(tok, name) })
	}()
	awaitEntered(t)
	return end, done
}

// TestCallThatWaitsInGoIsNotAbandoned: it gave its permit up itself, by Detach.
func TestCallThatWaitsInGoIsNotAbandoned(t *testing.T) {
	quiet(t)
	ctx, cancel := context.WithCancel(gil.WithLabel(background, "waits in Go"))
	out, free, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- gil.With(ctx, func(tok gil.Token) error {
			return gil.Detach(tok, func() {
				close(out)
				<-free
			})
		})
	}()
	<-out
	cancel()
	pythontest.Until(t, "the watchdog has looked at it later than Patience", func() bool {
		stuck := gil.Stats().Stuck
		return len(stuck) == 1 && stuck[0].For > 6*gil.Patience
	})
	assert.False(t, gil.Stats().Stuck[0].Abandoned)
	close(free)
	require.NoError(t, <-done)
	quiet(t)
}

// TestCallThatWaitsForTheGILIsNotAbandoned: more permits would only bring more threads to wait for it.
func TestCallThatWaitsForTheGILIsNotAbandoned(t *testing.T) {
	fn := function(t, "def f(data): return data")
	quiet(t)
	g := acquire(t)
	ctx, cancel := context.WithCancel(gil.WithLabel(background, "waits for the GIL"))
	done := make(chan error, 1)
	go func() {
		_, err := callBytes(ctx, fn, nil, nil)
		done <- err
	}()
	pythontest.Until(t, "it waits for the GIL", func() bool { return gil.Stats().Inside == 2 })
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	assert.Zero(t, gil.Stats().Abandoned)
	require.NoError(t, g.Release())
	quiet(t)
}
