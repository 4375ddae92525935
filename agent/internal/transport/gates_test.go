//go:build linux

package transport_test

import (
	"context"
	"encoding/binary"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
)

// gates is an executor that holds up the requests whose number has a gate. The number 0 has none.
type gates struct {
	entered chan uint64
	mu      sync.Mutex
	closed  map[uint64]chan struct{} // guarded by mu
}

// gated is a pair of workers, connected through rings, whose w1 has gates and whose clocks the test ticks.
type gated struct {
	*gates
	a, b *worker // w0 and w1
}

// newGated makes such a pair, in which no goroutine reads replies: none is due. No request took long so far, and no caller
// has waited for a future.
func newGated(t *testing.T, o options, numbers ...uint64) *gated {
	t.Helper()
	g := &gated{gates: &gates{entered: make(chan uint64, 100), closed: map[uint64]chan struct{}{}}}
	for _, n := range numbers {
		g.closed[n] = make(chan struct{})
	}
	g.a, g.b = workers(t, g.serve, o)
	t.Cleanup(func() { // before they are shut down, which waits for that
		for _, n := range numbers {
			g.open(n)
		}
	})
	byHand(t, g.a)
	byHand(t, g.b)
	ringed(t, g.a, g.b)
	for g.a.called(testContext(t), "w1", newCall(testContext(t), nil)).reader != readsForItself {
	}
	return g
}

// byHand stops a worker's clock, so that the test says when it ticks.
func byHand(t *testing.T, w *worker) {
	t.Helper()
	resume, ok := w.clock.Hold()
	require.True(t, ok)
	t.Cleanup(func() {
		resume()
		w.clock.Start()
	})
}

func (g *gates) serve(_ context.Context, body transport.Body) (transport.Body, error) {
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

// ask makes a call for a number.
func (g *gated) ask(t *testing.T, n uint64) *future {
	return g.a.callAsync(testContext(t), "w1", number(n))
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

// leaderIsBack waits until the goroutine that leads in w1 executes no request: one that does reads none that is refused.
func (g *gated) leaderIsBack(t *testing.T) {
	t.Helper()
	f := newCall(testContext(t), nil)
	f.Method = refused
	g.a.called(testContext(t), "w1", f)
	require.ErrorContains(t, f.err, "the test refuses it")
}
