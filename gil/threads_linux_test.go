package gil_test

import (
	"context"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// mortal runs f on a goroutine that is locked to an OS thread and ends it. That must not be the
// process's main thread, which Go parks instead of ending.
func mortal(f func()) {
	elsewhere(func() {
		runtime.LockOSThread()
		if syscall.Gettid() == os.Getpid() {
			defer runtime.UnlockOSThread()
			mortal(f) // nobody else can be on the main thread now
			return
		}
		f()
	})
}

// A goroutine that ends while locked takes its OS thread along; the thread's state must go too.
func TestThreadStatesEndWithTheirThreads(t *testing.T) {
	const n = 20
	before := gil.Stats().ThreadStates
	var all, in sync.WaitGroup
	leave := make(chan struct{})
	in.Add(n)
	for range n {
		all.Add(1)
		go mortal(func() {
			defer all.Done()
			assert.NoError(t, gil.With(background, func(tok gil.Token) error {
				return gil.Detach(tok, func() {
					in.Done()
					<-leave
				})
			}))
		})
	}
	in.Wait()
	assert.GreaterOrEqual(t, gil.Stats().ThreadStates, n)
	close(leave)
	all.Wait()
	pythontest.Until(t, "the states are gone", func() bool { return gil.Stats().ThreadStates <= before })
	assert.NoError(t, gil.With(background, use))
}

// More often than there are permits: each has to come back.
func TestPermitOfEndedGoroutineComesBack(t *testing.T) {
	ctx, cancel := context.WithTimeout(background, time.Minute)
	defer cancel()
	for range gil.Stats().Permits + 10 {
		mortal(func() {
			_, err := gil.Acquire(ctx)
			assert.NoError(t, err)
		})
	}
	g, err := gil.Acquire(ctx)
	require.NoError(t, err)
	require.NoError(t, g.Release())
	// Those that nobody had to wait for come back when somebody does.
	giveBack := pythontest.Exhaust(t, 0)
	giveBack()
	pythontest.Quiet(t)
}

// The guard of a goroutine that has ended belongs to a thread that has ended, and to no later one.
func TestGuardOfEndedGoroutineStaysUseless(t *testing.T) {
	for range 20 {
		var lost *gil.Guard
		mortal(func() { lost = acquire(t) })
		g := acquire(t)
		assert.ErrorIs(t, lost.Release(), gil.ErrWrongGoroutine)
		assert.NoError(t, use(g.Token()))
		require.NoError(t, g.Release())
	}
}
