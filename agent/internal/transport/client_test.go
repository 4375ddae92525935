package transport

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
)

// given counts how often it was freed.
type given int

func (g *given) Free() { *g++ }

// TestClient_replyThatNobodyWaitsFor has its memory freed: the call is forgotten, or has another outcome.
func TestClient_replyThatNobodyWaitsFor(t *testing.T) {
	a, _ := workers(t, echo, options{})
	_, err := a.call(testContext(t), "w1", nil)
	require.NoError(t, err)
	s := a.connTo("w1")
	for _, known := range []bool{false, true} {
		c := newCall(testContext(t), nil)
		c.msg = newMessage(frame.Frame{Call: 1 << 40}, nil)
		c.decided.Store(true)
		if known {
			s.mu.Lock()
			s.calls[c.msg.head.Call] = &c.Call
			s.mu.Unlock()
		}
		var back given
		s.settle(&c.Call, Reply{Memory: &back}, nil)
		assert.EqualValues(t, 1, back, "known: %v", known)
	}
}

// TestClient_forgetsAbandonedCalls, however far each had come.
func TestClient_forgetsAbandonedCalls(t *testing.T) {
	a, b := workers(t, func(ctx context.Context, body Body) (Body, error) { return body, nil }, options{})
	ringed(t, a, b)
	for i := range 100 {
		ctx, cancel := context.WithCancel(testContext(t))
		f := a.callAsync(ctx, "w1", number(uint64(i)))
		for range i % 7 { // let it come a little further each time
			_, err := a.call(testContext(t), "w1", nil)
			require.NoError(t, err)
		}
		f.Abandon(context.Canceled)
		cancel()
		<-f.Done()
	}
	assert.False(t, a.connTo("w1").waiting())
}

// TestPeer_oneConnectionAtATime: a caller that looked for the connection a moment before it was there must not make a second
// one. It would replace the first, and end what is on it.
func TestPeer_oneConnectionAtATime(t *testing.T) {
	a, _ := workers(t, echo, options{})
	_, err := a.call(testContext(t), "w1", nil)
	require.NoError(t, err)
	attempt, pause, refusal := a.peers["w1"].Approach()
	assert.Nil(t, attempt)
	assert.Zero(t, pause)
	assert.Nil(t, refusal)
}

// TestCallers_forgetGuestsThatHaveGone, and no worker: it may come back, with the numbers of its calls.
func TestCallers_forgetGuestsThatHaveGone(t *testing.T) {
	for _, guests := range []bool{true, false} {
		host := startWorker(t, "w0", echo, options{guests: guests})
		caller := startWorker(t, "w1", echo, options{})
		caller.peers["w0"] = caller.NewPeer("w0", host.address)
		_, err := caller.call(testContext(t), "w0", nil)
		require.NoError(t, err)
		remembered := func() int {
			host.callers.mu.Lock()
			defer host.callers.mu.Unlock()
			return len(host.callers.byName)
		}
		require.Equal(t, 1, remembered())
		caller.peers["w0"].Close()
		require.Eventually(t, func() bool {
			host.callers.mu.Lock()
			defer host.callers.mu.Unlock()
			return !slices.ContainsFunc(entries(&host.callers), func(c *callerEntry) bool { return c.stream != nil })
		}, patience, tick)
		assert.Equal(t, !guests, remembered() == 1)
	}
}

// entries are the peers that are remembered. The caller must hold mu.
func entries(o *callers) (all []*callerEntry) {
	for _, c := range o.byName {
		all = append(all, c)
	}
	return all
}
