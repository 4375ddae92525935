//go:build linux

package transport

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// TestRing_onlySoManyThreads: a peer that is not invited is served all the same.
func TestRing_onlySoManyThreads(t *testing.T) {
	a, b := workers(t, echo, options{})
	b.rings.Init(ringsKind, 0)
	for range 20 {
		_, err := a.call(testContext(t), "w1", number(1))
		require.NoError(t, err)
	}
	assert.Zero(t, a.Stats().Rings, "b reads none")
	assert.Zero(t, b.rings.Used())
}

// TestRing_isReleasedWithItsStream: the budget of rings that are read, and the count of those that are written.
func TestRing_isReleasedWithItsStream(t *testing.T) {
	a, b := workers(t, echo, options{})
	ringed(t, a, b)
	require.EqualValues(t, 1, b.rings.Used())
	a.peers["w1"].Close()
	require.Eventually(t, func() bool { return b.rings.Used() == 0 && b.Stats().Rings == 0 }, patience, time.Millisecond)
	require.Eventually(t, func() bool { return a.Stats().Rings == 0 }, patience, time.Millisecond)
}

// TestRing_isReadWhenItIsFull, though no reply is due.
func TestRing_isReadWhenItIsFull(t *testing.T) {
	a, b := workers(t, echo, options{})
	ringed(t, a, b)
	b.callers.mu.Lock()
	in := b.callers.byName["w0"].stream
	b.callers.mu.Unlock()
	for range 100_000 { // six bytes each, which change nothing
		in.out.waitHeads(100)
		require.NoError(t, in.out.submit(newMessage(frame.Frame{Kind: agentpb.Kind_KIND_ACCEPT}, nil), nil))
	}
	require.True(t, in.out.idle(testContext(t)))
	_, err := a.call(testContext(t), "w1", number(1))
	assert.NoError(t, err)
}

func TestNearby(t *testing.T) {
	assert.True(t, nearby(&net.UnixAddr{}))
	assert.True(t, nearby(&net.TCPAddr{IP: net.IPv6loopback}))
	assert.False(t, nearby(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}))
	assert.False(t, nearby(&net.IPAddr{}))
}
