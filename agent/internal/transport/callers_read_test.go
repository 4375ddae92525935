//go:build linux

package transport_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newFollowing makes a gated pair in which a caller has waited for a future: background readers are left to the clock.
func newFollowing(t *testing.T, numbers ...uint64) *gated {
	t.Helper()
	g := newGated(t, options{}, numbers...)
	f := g.a.called(testContext(t), "w1", newCall(testContext(t), nil))
	f.ReadWhile(testContext(t))
	return g
}

// newProbes makes calls that have their replies and no outcome: to read for one shows whether another goroutine reads.
func (g *gated) newProbes(t *testing.T, n int) []*future {
	t.Helper()
	probes := make([]*future, n)
	for i := range probes {
		probes[i] = newCall(testContext(t), nil)
		probes[i].deaf = true
		g.a.peers["w1"].Send(testContext(t), &probes[i].Call)
	}
	_, err := g.a.call(testContext(t), "w1", nil)
	require.NoError(t, err)
	for _, p := range probes {
		require.EqualValues(t, 1, p.finished.Load())
	}
	return probes
}

// nobodyReads waits until no goroutine reads: then one that would like to read for a probe does, and abandons the call
// as its context has ended.
func nobodyReads(t *testing.T, probe *future) {
	t.Helper()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.Eventually(t, func() bool {
		probe.ReadFor(ended)
		return probe.decided.Load()
	}, patience, time.Millisecond)
}

// TestFollow_callerThatWaitsReads: no other goroutine would.
func TestFollow_callerThatWaitsReads(t *testing.T) {
	g := newFollowing(t)
	for range 100 {
		futures := []*future{g.ask(t, 0), g.ask(t, 0), g.ask(t, 0)}
		for _, f := range futures {
			_, err := f.Wait(testContext(t))
			require.NoError(t, err)
			assert.Equal(t, readsForFuture, f.reader)
		}
	}
}

// TestFollow_callerThatWaitsMayLeave, and the call goes on.
func TestFollow_callerThatWaitsMayLeave(t *testing.T) {
	g := newFollowing(t, 1)
	f := g.ask(t, 1)
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
	}
	g.open(1)
	reply, err := f.Wait(testContext(t))
	require.NoError(t, err)
	assert.Equal(t, number(1), reply)
	assert.Equal(t, readsForFuture, f.reader, "a background reader has come for a caller that left")
}

// TestFollow_clockStartsBackgroundReader where nobody waits, and sooner when it had to.
func TestFollow_clockStartsBackgroundReader(t *testing.T) {
	const patient = 64 // how often a background reader is left to the clock, which halves it when it starts one
	g := newFollowing(t)
	probes := g.newProbes(t, 7)
	for left := patient; left > 0; left /= 2 {
		before := g.b.ended.Load()
		f := g.ask(t, 0)
		require.Eventually(t, func() bool { return g.b.ended.Load() > before }, patience, time.Millisecond, "the reply is out")
		assert.False(t, f.decided.Load(), "a goroutine reads")
		g.a.clock.Tick()
		g.a.clock.Tick()
		answered(t, f)
		nobodyReads(t, probes[0])
		probes = probes[1:]
	}
	answered(t, g.ask(t, 0))
}

// TestFollow_backgroundReaderLeaves as soon as a caller wants to read, though there are calls that nobody reads for.
func TestFollow_backgroundReaderLeaves(t *testing.T) {
	g := newGated(t, options{}, 1, 2)
	probe := g.newProbes(t, 1)[0]
	slow := g.ask(t, 1)
	g.waitFor(t, 1)
	g.b.clock.Tick()
	g.b.clock.Tick() // or no goroutine of w1 would read further requests
	awaited := g.ask(t, 2)
	g.waitFor(t, 2)
	awaited.ReadWhile(testContext(t)) // returns at once: the background reader is in the way
	quick := g.ask(t, 0)
	nobodyReads(t, probe)
	g.open(1)
	g.open(2)
	require.Eventually(t, func() bool {
		g.a.clock.Tick()
		return slow.decided.Load() && awaited.decided.Load() && quick.decided.Load()
	}, patience, time.Millisecond)
	answered(t, slow, awaited, quick)
}
