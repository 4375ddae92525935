//go:build linux

package transport

import (
	"context"
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// byHand stops an agent's clock, so that the test says when it ticks.
func byHand(t *testing.T, a *worker) {
	t.Helper()
	var resume func()
	require.Eventually(t, func() (held bool) { resume, held = a.clock.ticker.Hold(); return held }, patience, time.Millisecond)
	t.Cleanup(func() {
		resume()
		a.clock.start()
	})
}

// requestsFrom is what reads the ring with a peer's requests, once the peer has switched to it.
func requestsFrom(t *testing.T, a *worker, peer string) (r *leaderFollowers) {
	t.Helper()
	require.Eventually(t, func() bool {
		a.clock.mu.Lock()
		defer a.clock.mu.Unlock()
		for ring := range a.clock.rings {
			if found, ok := ring.(*leaderFollowers); ok && found.conn.from.Name == peer {
				r = found
			}
		}
		return r != nil
	}, patience, time.Millisecond)
	return r
}

// gates is an executor that holds up the requests whose number has a gate. The number 0 has none.
type gates struct {
	entered chan uint64
	mu      sync.Mutex
	closed  map[uint64]chan struct{} // guarded by mu
}

// gatedPair makes a pair, connected through rings, whose w1 has gates.
func gatedPair(t *testing.T, numbers ...uint64) (a, b *worker, g *gates) {
	t.Helper()
	g = &gates{entered: make(chan uint64, 100), closed: map[uint64]chan struct{}{}}
	for _, n := range numbers {
		g.closed[n] = make(chan struct{})
	}
	a, b = workers(t, g.serve, options{})
	t.Cleanup(func() { // before they are shut down, which waits for that
		for _, n := range numbers {
			g.open(n)
		}
	})
	ringed(t, a, b)
	s := a.connTo("w1")
	require.Eventually(t, func() bool { return repliesOf(s) != nil }, patience, time.Millisecond, "the peer has switched")
	return a, b, g
}

// repliesOf is what reads the ring of a session; nil before there is one.
func repliesOf(s *clientConn) *callersRead {
	r, _ := (*s.replies.Load()).(*callersRead)
	return r
}

func (g *gates) serve(_ context.Context, body Body) (Body, error) {
	if len(body) == 0 {
		return nil, nil
	}
	n := binary.BigEndian.Uint64(body[0])
	g.mu.Lock()
	gate := g.closed[n]
	g.mu.Unlock()
	if gate != nil {
		g.entered <- n
		<-gate
	}
	return body, nil
}

func (g *gates) open(n uint64) {
	g.mu.Lock()
	gate := g.closed[n]
	delete(g.closed, n)
	g.mu.Unlock()
	if gate != nil {
		close(gate)
	}
}

// waitFor waits until requests are at their gates.
func (g *gates) waitFor(t *testing.T, numbers ...uint64) {
	t.Helper()
	var entered []uint64
	for range numbers {
		select {
		case n := <-g.entered:
			entered = append(entered, n)
		case <-testContext(t).Done():
			require.Fail(t, "not executed", "only %d of the requests %d", entered, numbers)
		}
	}
	require.ElementsMatch(t, numbers, entered)
}

// gated makes such a pair whose w1 ticks by hand.
func gated(t *testing.T, numbers ...uint64) (a, b *worker, in *leaderFollowers, g *gates, ask func(n uint64) *future) {
	t.Helper()
	a, b, g = gatedPair(t, numbers...)
	byHand(t, b)
	in = requestsFrom(t, b, "w0")
	in.eager.Store(0) // whatever took long so far
	return a, b, in, g, func(n uint64) *future {
		return a.callAsync(testContext(t), "w1", number(n))
	}
}

// answered waits for outcomes without reading for them.
func answered(t *testing.T, futures ...*future) {
	t.Helper()
	for i, f := range futures {
		select {
		case <-f.Done():
		case <-testContext(t).Done():
			require.Fail(t, "no outcome", "of future %d", i)
		}
		_, err := f.Wait(testContext(t))
		require.NoError(t, err)
	}
}

// TestReaders_whoTakesLongIsRelieved by the tick that finds the same request as the one before, and so are those who
// come after, at once, for some time.
func TestReaders_whoTakesLongIsRelieved(t *testing.T) {
	_, b, in, g, ask := gated(t, 1, 2, 3)
	slow := ask(1)
	g.waitFor(t, 1)
	quick := ask(0)
	require.Eventually(t, in.in.reader.Ready, patience, time.Millisecond)
	b.clock.tick()
	assert.Zero(t, in.eager.Load(), "it has not taken long yet")
	assert.True(t, in.in.reader.Ready(), "nobody reads")
	b.clock.tick()
	answered(t, quick)
	more := []*future{ask(2), ask(3)}
	g.waitFor(t, 2, 3)
	answered(t, ask(0))
	assert.EqualValues(t, eagerly-4, in.eager.Load())
	for n := range uint64(4) {
		g.open(n)
	}
	answered(t, append(more, slow)...)
}

// TestReaders_whoIsQuickKeepsThePost.
func TestReaders_whoIsQuickKeepsThePost(t *testing.T) {
	_, b, in, _, ask := gated(t)
	before := in.leadership.word.Load()
	for range 100 {
		answered(t, ask(0))
		require.Eventually(t, func() bool { return in.leadership.word.Load()&executing == 0 }, patience, time.Microsecond)
		b.clock.tick()
		b.clock.tick()
	}
	after := in.leadership.word.Load()
	assert.LessOrEqual(t, after-before, uint64(200+executing), "each request moves it on by two, and nothing else")
}

// TestReaders_saysAtLast what it has not notified the peer of while there was more to execute: the peer is woken for it by a
// tick, by a reader that has been relieved, and by one that finds no further request.
func TestReaders_saysAtLast(t *testing.T) {
	t.Run("in a tick", func(t *testing.T) {
		a, b, _, g, ask := gated(t, 1, 2, 3)
		ask(1)
		g.waitFor(t, 1)
		quick := []*future{ask(2), ask(0), ask(0)}
		ask(3)
		g.open(1)
		g.waitFor(t, 2)
		asleep(t, a)
		g.open(2)
		g.waitFor(t, 3)
		b.clock.tick()
		answered(t, quick...)
	})
	t.Run("after too many", func(t *testing.T) {
		a, _, _, g, ask := gated(t, 1, 2, 3)
		ask(1)
		g.waitFor(t, 1)
		quick := []*future{ask(2)}
		for range maxUnnotified {
			quick = append(quick, ask(0))
		}
		ask(0)
		ask(3)
		g.open(1)
		g.waitFor(t, 2)
		asleep(t, a)
		g.open(2)
		answered(t, quick...)
		g.waitFor(t, 3)
	})
	t.Run("when relieved", func(t *testing.T) {
		a, b, in, g, ask := gated(t, 1, 2, 3)
		ask(1)
		g.waitFor(t, 1)
		quiet := ask(2)
		ask(3)
		g.open(1)
		g.waitFor(t, 2)
		in.unnotified.Store(false) // as after a tick
		b.clock.tick()
		b.clock.tick()
		g.waitFor(t, 3)
		asleep(t, a)
		g.open(2)
		answered(t, quiet)
	})
	t.Run("before it waits", func(t *testing.T) {
		a, _, _, g, ask := gated(t, 1, 2)
		canceled := ask(1)
		g.waitFor(t, 1)
		quiet := ask(2)
		canceled.Abandon(context.Canceled) // which is a frame more, and no request
		g.open(1)
		g.waitFor(t, 2)
		asleep(t, a)
		g.open(2)
		answered(t, quiet)
	})
}

// asleep waits until the agent has read all replies, and most likely sleeps.
func asleep(t *testing.T, a *worker) {
	t.Helper()
	reader := repliesOf(a.connTo("w1")).in.reader
	require.Eventually(t, func() bool { return !reader.Ready() }, patience, time.Millisecond)
}
