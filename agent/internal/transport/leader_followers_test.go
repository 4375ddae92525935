//go:build linux

package transport_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
)

const (
	// eagerly is for how many requests a follower is promoted at once, after one that took long.
	eagerly = 64
	// maxUnnotified is how many replies may be written without waking the peer for them.
	maxUnnotified = 16
)

// A tick says whether the leader is executing at its beginning. It is not after a follower was promoted, before there is
// another request.

// TestLeader_thatTakesLongIsReplaced by the tick that finds the same request as the one before, and so are those that come
// after it, at once, for some time.
func TestLeader_thatTakesLongIsReplaced(t *testing.T) {
	g := newGated(t, options{}, 1, 2, 3, 4, 5)
	slow := g.ask(t, 1)
	g.waitFor(t, 1)
	assert.True(t, g.b.clock.Tick())
	assert.True(t, g.b.clock.Tick(), "it had not taken long yet")
	assert.False(t, g.b.clock.Tick(), "now another leads")
	answered(t, g.ask(t, 0))
	more := []*future{g.ask(t, 2), g.ask(t, 3)}
	g.waitFor(t, 2, 3)
	for range eagerly - 4 {
		answered(t, g.ask(t, 0))
	}
	last, next := g.ask(t, 4), g.ask(t, 5)
	g.waitFor(t, 4, 5)
	assert.True(t, g.b.clock.Tick(), "the follower that executes 5 is the leader still")
	assert.True(t, g.b.clock.Tick())
	assert.False(t, g.b.clock.Tick())
	for n := range uint64(6) {
		g.open(n)
	}
	answered(t, append(more, slow, last, next)...)
}

// TestLeader_thatIsQuickRemainsLeader, though ticks find it in each request.
func TestLeader_thatIsQuickRemainsLeader(t *testing.T) {
	const requests = 100
	var numbers []uint64
	for n := range uint64(requests) {
		numbers = append(numbers, n+1)
	}
	g := newGated(t, options{}, numbers...)
	for _, n := range numbers {
		f := g.ask(t, n)
		g.waitFor(t, n)
		assert.True(t, g.b.clock.Tick())
		if n == requests {
			assert.True(t, g.b.clock.Tick(), "it is still the leader that executes the request")
			assert.False(t, g.b.clock.Tick(), "now another leads")
		}
		g.open(n)
		answered(t, f)
		g.leaderIsBack(t)
		assert.False(t, g.b.clock.Tick())
		assert.False(t, g.b.clock.Tick())
	}
}

// notifications counts the frames of a worker that its peer was not notified of.
type notifications struct {
	transport.Writer
	pending atomic.Int64
	most    atomic.Int64 // at once
}

func (n *notifications) Write(f *transport.OutFrame) error {
	if !f.NotifyLater {
		n.pending.Store(0)
	} else if p := n.pending.Add(1); p > n.most.Load() {
		n.most.Store(p)
	}
	return n.Writer.Write(f)
}

func (n *notifications) Notify() {
	n.pending.Store(0)
	n.Writer.Notify()
}

// TestLeader_notifiesAtLast the peer of what it was not notified of while there was more to execute: a tick does that, a
// leader that was replaced, and one that finds no further request. A peer that is not notified finds out by itself, much
// later.
func TestLeader_notifiesAtLast(t *testing.T) {
	newCounted := func(t *testing.T, numbers ...uint64) (*gated, *notifications) {
		writers := make(chan *notifications, 2) // of w1: its stream's, and its ring's
		g := newGated(t, options{wrap: func(name string, w transport.Writer) transport.Writer {
			if name != "w1" {
				return w
			}
			n := &notifications{Writer: w}
			writers <- n
			return n
		}}, numbers...)
		<-writers
		return g, <-writers
	}
	isNotified := func(t *testing.T, n *notifications) {
		t.Helper()
		require.Eventually(t, func() bool { return n.pending.Load() == 0 }, patience, time.Millisecond)
	}
	t.Run("in a tick", func(t *testing.T) {
		g, n := newCounted(t, 1, 2)
		g.ask(t, 1)
		g.waitFor(t, 1)
		quick := []*future{g.ask(t, 0), g.ask(t, 0), g.ask(t, 0)}
		g.ask(t, 2)
		g.open(1)
		g.waitFor(t, 2)
		assert.EqualValues(t, len(quick), n.pending.Load())
		g.b.clock.Tick()
		assert.Zero(t, n.pending.Load())
		answered(t, quick...)
	})
	t.Run("after too many", func(t *testing.T) {
		g, n := newCounted(t, 1, 2)
		g.ask(t, 1)
		g.waitFor(t, 1)
		var quick []*future
		for range maxUnnotified + 1 {
			quick = append(quick, g.ask(t, 0))
		}
		g.ask(t, 0)
		g.ask(t, 2)
		g.open(1)
		g.waitFor(t, 2)
		assert.EqualValues(t, maxUnnotified, n.most.Load())
		assert.EqualValues(t, 1, n.pending.Load(), "of the last one")
		answered(t, quick...)
	})
	t.Run("when replaced", func(t *testing.T) {
		g, n := newCounted(t, 1, 2, 3)
		g.ask(t, 1)
		g.waitFor(t, 1)
		quiet := g.ask(t, 2)
		g.ask(t, 3)
		g.open(1)
		g.waitFor(t, 2)
		g.b.clock.Tick() // before there is a reply to notify of
		g.b.clock.Tick()
		g.waitFor(t, 3)
		before := n.most.Load()
		g.open(2)
		answered(t, quiet)
		assert.Equal(t, before+1, n.most.Load(), "the peer was not notified at once")
		isNotified(t, n)
	})
	t.Run("before it waits", func(t *testing.T) {
		g, n := newCounted(t, 1, 2)
		canceled := g.ask(t, 1)
		g.waitFor(t, 1)
		quiet := g.ask(t, 2)
		canceled.Abandon(context.Canceled) // which is a frame more, and no request
		g.open(1)
		g.waitFor(t, 2)
		before := n.most.Load()
		g.open(2)
		answered(t, quiet)
		assert.Equal(t, before+1, n.most.Load(), "the peer was not notified at once")
		isNotified(t, n)
	})
}
