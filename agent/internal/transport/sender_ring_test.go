//go:build linux

package transport_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// TestSender_notifiesLaterOnlyOfWhatIsWrittenAtOnce: the sender of a message notifies the peer later, maybe before the
// flusher has written the message.
func TestSender_notifiesLaterOnlyOfWhatIsWrittenAtOnce(t *testing.T) {
	var hold atomic.Bool // the next reply
	held, leave := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	var later []bool // whether the peer is notified later of each reply
	g := newGated(t, options{wrap: writing("w1", func(w transport.Writer, f *transport.OutFrame) error {
		if f.Kind == agentpb.Kind_KIND_REPLY {
			if hold.CompareAndSwap(true, false) {
				close(held)
				<-leave
			}
			mu.Lock()
			later = append(later, f.NotifyLater)
			mu.Unlock()
		}
		return w.Write(f)
	})}, 1, 2)
	hold.Store(true)
	futures := []*future{g.ask(t, 0)}
	<-held
	g.b.clock.Tick()
	g.b.clock.Tick() // a follower leads, as for the next requests
	for range eagerly {
		futures = append(futures, g.ask(t, 0))
	}
	// The leader finds two requests behind the one at its gate, and notifies the peer after the second.
	askTwo := func(gate uint64) {
		futures = append(futures, g.ask(t, gate))
		g.waitFor(t, gate)
		futures = append(futures, g.ask(t, 0), g.ask(t, 0))
		g.open(gate)
	}
	askTwo(1)
	require.Eventually(t, func() bool { return g.b.Stats().QueuedBytes == int64(8*len(futures)) }, patience, time.Millisecond)
	mu.Lock()
	later = nil
	mu.Unlock()
	close(leave)
	answered(t, futures...)
	mu.Lock()
	queued := later
	later = nil
	mu.Unlock()
	assert.Len(t, queued, len(futures))
	assert.NotContains(t, queued, true, "it was queued")

	futures = nil
	askTwo(2)
	answered(t, futures...)
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(t, []bool{false, true, false}, later, "nothing was queued")
}
