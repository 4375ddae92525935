//go:build linux

package transport

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// following makes a pair with gates whose w0 ticks by hand, and leaves background readers to that.
func following(t *testing.T, numbers ...uint64) (a *worker, s *callersRead, g *gates, ask func(n uint64) *future) {
	t.Helper()
	a, _, g = gatedPair(t, numbers...)
	s = repliesOf(a.connTo("w1"))
	for s.isRead() { // by who came for the ring, and leaves with the next frame
		_, err := a.callAsync(testContext(t), "w1", nil).Wait(testContext(t))
		require.NoError(t, err)
	}
	byHand(t, a)
	s.patience.Store(patient)
	return a, s, g, func(n uint64) *future {
		return a.callAsync(testContext(t), "w1", number(n))
	}
}

// isRead says whether somebody reads.
func (s *callersRead) isRead() bool {
	if s.in.readLock.TryLock() {
		s.in.readLock.Unlock()
		return false
	}
	return true
}

// TestFollow_whoWaitsReads: nobody else would.
func TestFollow_whoWaitsReads(t *testing.T) {
	_, s, _, ask := following(t)
	for range 100 {
		futures := []*future{ask(0), ask(0), ask(0)}
		assert.False(t, s.isRead())
		for _, f := range futures {
			_, err := f.Wait(testContext(t))
			require.NoError(t, err)
		}
	}
}

// TestFollow_whoWaitsMayLeave, and the call goes on.
func TestFollow_whoWaitsMayLeave(t *testing.T) {
	_, s, g, ask := following(t, 1)
	f := ask(1)
	g.waitFor(t, 1)
	for range 50 {
		ctx, cancel := context.WithCancel(context.Background())
		left := make(chan error)
		go func() {
			_, err := f.Wait(ctx)
			left <- err
		}()
		for range 1000 { // by then it reads, as a rule
			runtime.Gosched()
		}
		cancel()
		assert.ErrorIs(t, <-left, context.Canceled)
		assert.False(t, s.isRead())
	}
	g.open(1)
	reply, err := f.Wait(testContext(t))
	require.NoError(t, err)
	assert.Equal(t, number(1), reply)
}

// TestFollow_clockStartsBackgroundReader where nobody waits, and sooner when it had to.
func TestFollow_clockStartsBackgroundReader(t *testing.T) {
	a, s, _, ask := following(t)
	f := ask(0)
	require.Eventually(t, s.in.reader.Ready, patience, time.Millisecond)
	assert.False(t, f.decided.Load(), "nobody reads")
	a.clock.tick()
	a.clock.tick()
	answered(t, f)
	assert.EqualValues(t, patient/2, s.patience.Load())

	s.patience.Store(0)
	answered(t, ask(0))
}

// TestFollow_backgroundReaderLeaves as soon as somebody wants to read, though there are calls that nobody reads for.
func TestFollow_backgroundReaderLeaves(t *testing.T) {
	a, s, g, ask := following(t, 1, 2)
	s.patience.Store(0)
	slow := ask(1)
	require.Eventually(t, s.isRead, patience, time.Millisecond)
	awaited := ask(2)
	g.waitFor(t, 1, 2)
	came := make(chan error)
	go func() {
		_, err := awaited.Wait(testContext(t))
		came <- err
	}()
	require.Eventually(t, s.unwanted.Load, patience, time.Millisecond)
	quick := ask(0)
	require.Eventually(t, func() bool { return !s.isRead() }, patience, time.Millisecond)
	g.open(1)
	g.open(2)
	require.Eventually(t, func() bool {
		a.clock.tick()
		return slow.decided.Load() && awaited.decided.Load() && quick.decided.Load()
	}, patience, time.Millisecond)
	require.NoError(t, <-came)
}
