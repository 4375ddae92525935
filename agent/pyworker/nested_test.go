package pyworker_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// Deeper than MaxWaiting is refused, clearly, and leaves the workers well.
func TestNestedTooDeeply(t *testing.T) {
	workers := group(t, 2, func(_ int, c *pyworker.Config) { c.MaxWaiting = 8 })
	err := inside(t, workers[0], "nesting", "check_depth", 40)
	require.ErrorIs(t, err, pybridge.RuntimeError)
	assert.ErrorContains(t, err, "8 Python calls wait for other workers, allowed are 8 (pyworker.Config.MaxWaiting)")
	assert.NoError(t, inside(t, workers[0], "nesting", "check_depth", 7))
}

// An RRef's value is made whoever waits for it.
func TestEndOfCallDoesNotEndWhatOthersMayWaitFor(t *testing.T) {
	workers := group(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- call(ctx, workers[0], "w0", "nesting", "waits_for_rref") }()
	begun(t)
	cancel()
	assert.ErrorIs(t, <-ended, context.Canceled)
	assert.NoError(t, inside(t, workers[0], "nesting", "check_value_comes"))
}

// begun waits until a function of testdata/nesting.py says that it runs.
func begun(t *testing.T) {
	t.Helper()
	acquire(t, "nesting", "begun")
}

// acquire waits for a semaphore of a module in testdata.
func acquire(t *testing.T, module, name string) {
	t.Helper()
	pythontest.With(t, func(tok gil.Token) {
		semaphore := pythontest.Define(t, tok, "import "+module+"\nvalue = "+module+"."+name, "value")
		defer semaphore.Release()
		o, err := semaphore.CallMethod(tok, "acquire", true, 60)
		require.NoError(t, err)
		defer o.Release()
		came, err := o.Truth(tok)
		require.NoError(t, err)
		require.True(t, came)
	})
}

// The end of a call's context ends what its function waits for, at the other worker too.
func TestEndOfCallEndsWhatItWaitsFor(t *testing.T) {
	for _, function := range []string{"waits_for_call", "waits_for_future", "waits_for_nothing"} {
		t.Run(function, func(t *testing.T) {
			workers := group(t, 2)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- call(ctx, workers[0], "w0", "nesting", function) }()
			begun(t)
			cancel()
			err := <-ended
			assert.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, codes.Canceled, status.Code(err))
			// The functions have ended too, or the join that ends the test would wait for them.
		})
	}
}

// TestInterruptedCallsLoseNobodysOutcome: a thread that waits delivers the outcomes of other calls too, also when its own time is up.
func TestInterruptedCallsLoseNobodysOutcome(t *testing.T) {
	workers := group(t, 2)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	steady := make(chan error, 2)
	for range cap(steady) {
		go func() { steady <- call(ctx, workers[0], "w0", "nesting", "waits_for_many", 300) }()
	}
	done := make(chan struct{})
	var impatient sync.WaitGroup
	for seed := range uint64(2) {
		impatient.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 1))
			for {
				select {
				case <-done:
					return
				default:
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rng.IntN(5000))*time.Microsecond)
				_ = call(ctx, workers[0], "w0", "nesting", "waits_for_many", 1000)
				cancel()
			}
		})
	}
	for range cap(steady) {
		assert.NoError(t, <-steady)
	}
	close(done)
	impatient.Wait()
}
