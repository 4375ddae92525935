package gil_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/internal/pytest"
)

// A goroutine that ends while locked takes its OS thread along; the thread's state must go too.
func TestThreadStatesEndWithTheirThreads(t *testing.T) {
	const n = 20
	before := gil.Stats().ThreadStates
	var all, in sync.WaitGroup
	leave := make(chan struct{})
	in.Add(n)
	for range n {
		all.Add(1)
		go func() {
			defer all.Done()
			runtime.LockOSThread() // for ever
			assert.NoError(t, gil.With(background, func(tok gil.Token) error {
				return gil.Detach(tok, func() {
					in.Done()
					<-leave
				})
			}))
		}()
	}
	in.Wait()
	assert.GreaterOrEqual(t, gil.Stats().ThreadStates, n)
	close(leave)
	all.Wait()
	pytest.Until(t, "the states are gone", func() bool { return gil.Stats().ThreadStates <= before })
	assert.NoError(t, gil.With(background, use))
}

// More often than there are permits: each has to come back.
func TestPermitOfEndedGoroutineComesBack(t *testing.T) {
	ctx, cancel := context.WithTimeout(background, time.Minute)
	defer cancel()
	for range gil.Stats().Permits + 10 {
		elsewhere(func() {
			_, err := gil.Acquire(ctx)
			require.NoError(t, err)
		})
	}
	g, err := gil.Acquire(ctx)
	require.NoError(t, err)
	require.NoError(t, g.Release())
	// Those that nobody had to wait for come back when somebody does.
	giveBack := exhaust(t, 0)
	giveBack()
	assert.Zero(t, gil.Stats().Inside)
}

// The guard of a goroutine that has ended belongs to a thread that has ended, and to no later one.
func TestGuardOfEndedGoroutineStaysUseless(t *testing.T) {
	for range 20 {
		var lost *gil.Guard
		elsewhere(func() { lost = acquire(t) })
		g := acquire(t)
		assert.ErrorIs(t, lost.Release(), gil.ErrWrongGoroutine)
		assert.NoError(t, use(g.Token()))
		require.NoError(t, g.Release())
	}
}
