package pycall_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func untilAbandoned(t *testing.T, n int) {
	t.Helper()
	pythontest.Until(t, "permits are given back", func() bool { return gil.Stats().Abandoned == n })
}

// TestStuckCallGivesItsPermitBack, whether its caller has left, waits for it, or made it under With.
func TestStuckCallGivesItsPermitBack(t *testing.T) {
	for name, begin := range map[string]func() (cancel func(), result <-chan error){
		"left":   func() (func(), <-chan error) { return interruptible(t, "stuck") },
		"stayed": func() (func(), <-chan error) { return interruptible(t, "stuck", gil.WaitForCompletion) },
		"with":   func() (func(), <-chan error) { return pythontest.BeginWith(t, "stuck") },
	} {
		t.Run(name, func(t *testing.T) {
			pythontest.DefineInterrupts(t)
			pythontest.Quiet(t)
			cancel, result := begin()
			cancel()
			untilAbandoned(t, 1)
			pythontest.Exhaust(t, 0)() // all permits are there for others
			stuck := gil.Stats().Stuck
			require.Len(t, stuck, 1)
			assert.True(t, stuck[0].Abandoned)
			assert.True(t, pythontest.IsInside(stuck[0].Label), "a drain waits for it")
			pythontest.OpenDoor(t)
			err := <-result
			if name == "left" || err != nil { // the others have what came of it, unless it was interrupted before it waited
				require.ErrorIs(t, err, context.Canceled)
			}
			pythontest.Quiet(t)
		})
	}
}

// TestCallThatWaitsInGoIsNotAbandoned: it gave its permit up itself, by Detach.
func TestCallThatWaitsInGoIsNotAbandoned(t *testing.T) {
	pythontest.Quiet(t)
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
	pythontest.Quiet(t)
}

// TestCallThatWaitsForTheGILIsNotAbandoned: more permits would only bring more threads to wait for it.
func TestCallThatWaitsForTheGILIsNotAbandoned(t *testing.T) {
	fn := function(t, "def f(data): return data")
	pythontest.Quiet(t)
	g, err := gil.Acquire(background)
	require.NoError(t, err)
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
	pythontest.Quiet(t)
}
