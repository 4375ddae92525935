//go:build linux

package transport_test

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// TestRing_onlySoManyThreads: a peer that is not invited is served all the same.
func TestRing_onlySoManyThreads(t *testing.T) {
	a, b := workers(t, echo, options{limits: func(l *transport.Limits) { l.Rings = 0 }})
	for range 20 {
		_, err := a.call(testContext(t), "w1", number(1))
		require.NoError(t, err)
	}
	assert.Zero(t, a.Stats().Rings, "b reads none")
	assert.Zero(t, b.Stats().RingsRead)
}

// TestRing_isReleasedWithItsStream: the budget of rings that are read, and the count of those that are written.
func TestRing_isReleasedWithItsStream(t *testing.T) {
	a, b := workers(t, echo, options{})
	ringed(t, a, b)
	require.Equal(t, 1, b.Stats().RingsRead)
	a.peers["w1"].Close()
	require.Eventually(t, func() bool { return b.Stats().RingsRead == 0 && b.Stats().Rings == 0 }, patience, time.Millisecond)
	require.Eventually(t, func() bool { return a.Stats().Rings == 0 }, patience, time.Millisecond)
}

// lockedWriter is a writer to which a test writes, too.
type lockedWriter struct {
	transport.Writer
	mu sync.Mutex
}

func (w *lockedWriter) Write(f *transport.OutFrame) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Writer.Write(f)
}

func (w *lockedWriter) Fits(size, unheard int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Writer.Fits(size, unheard)
}

// TestRing_isReadWhenItIsFull, though no reply is due.
func TestRing_isReadWhenItIsFull(t *testing.T) {
	writers := make(chan *lockedWriter, 2) // of w1: its stream's, and its ring's
	a, b := workers(t, echo, options{wrap: func(name string, w transport.Writer) transport.Writer {
		if name != "w1" {
			return w
		}
		locked := &lockedWriter{Writer: w}
		writers <- locked
		return locked
	}})
	ringed(t, a, b)
	<-writers
	ring := <-writers
	for range 100_000 { // six bytes each, which change nothing
		require.NoError(t, ring.Write(&transport.OutFrame{Frame: frame.Frame{Kind: agentpb.Kind_KIND_ACCEPT}}))
	}
	_, err := a.call(testContext(t), "w1", number(1))
	assert.NoError(t, err)
}

// TestRing_isOfferedToPeersOfThisMachine before there is anything to send: others cannot reach it.
func TestRing_isOfferedToPeersOfThisMachine(t *testing.T) {
	c := newCallee(t, options{})
	for _, from := range []struct {
		address net.Addr
		offered bool
	}{
		{&net.UnixAddr{}, true},
		{&net.TCPAddr{IP: net.IPv6loopback}, true},
		{&net.TCPAddr{IP: net.IPv4(127, 1, 2, 3)}, true},
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}, false},
		{&net.IPAddr{}, false},
	} {
		stream := newFakeStream(t.Context(), from.address)
		require.NoError(t, c.Serve(context.Background(), stream, someCaller(), c))
		assert.Equal(t, from.offered, slices.Contains(stream.sent, agentpb.Kind_KIND_OFFER), "%#v", from.address)
	}
}
