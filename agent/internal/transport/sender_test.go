package transport

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/agent/internal/quota"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// sendFunc is a stream of frames.
type sendFunc func(*frame.Frame) error

func (f sendFunc) SendMsg(m any) error { return f(m.(*frame.Frame)) }

// A peer that takes what it is sent but never reads must not make us hold more than the limits say, nor hold
// up a caller past its deadline.
func TestSender_peerThatDoesNotRead(t *testing.T) {
	blocked := make(chan struct{})
	total := quota.New(queueKind, 1<<20)
	var written atomic.Int64
	s := newSender(streamWriter{sendFunc(func(*frame.Frame) error {
		written.Add(1)
		<-blocked
		return nil
	})}, func(error) {}, 1<<19, 100, total)
	s.unheard.Store(directUnheard + 1)
	var ids int
	var refused error
	var taken []*message
	for range 1000 {
		o := newMessage(frame.Frame{}, Body{make([]byte, 10<<10)})
		if refused = s.submit(o, func() bool { ids++; return true }); refused != nil {
			break
		}
		taken = append(taken, o)
	}
	assert.Equal(t, codes.ResourceExhausted, status.Code(refused))
	assert.ErrorContains(t, refused, "Limits.QueuePerPeer")
	assert.LessOrEqual(t, total.Used(), int64(1<<19))
	for _, o := range taken[1:] {
		assert.False(t, s.withdraw(o), "nothing of it was written")
	}
	assert.LessOrEqual(t, total.Used(), int64(10<<10))
	for refused = nil; refused == nil; { // withdrawn messages still have their places, and these are counted too
		refused = s.submit(newMessage(frame.Frame{}, nil), nil)
	}
	assert.ErrorContains(t, refused, "does not read")
	close(blocked)
	assert.True(t, s.idle(testContext(t)))
	assert.Zero(t, total.Used())
	assert.Zero(t, s.queued)
}

// Small messages pass between the chunks of a large one.
func TestSender_largeDoesNotHoldUpSmall(t *testing.T) {
	var mu sync.Mutex
	var order []uint64
	step, stepped := make(chan struct{}), make(chan struct{}, 100)
	s := newSender(streamWriter{sendFunc(func(f *frame.Frame) error {
		<-step
		mu.Lock()
		defer mu.Unlock()
		order = append(order, f.Call)
		stepped <- struct{}{}
		return nil
	})}, func(error) {}, 1<<30, 100, quota.New(queueKind, 1<<30))
	require.NoError(t, s.submit(newMessage(frame.Frame{Call: 1}, Body{make([]byte, 10*chunkSize)}), nil))
	step <- struct{}{}
	<-stepped
	require.NoError(t, s.submit(newMessage(frame.Frame{Call: 2}, nil), nil))
	close(step)
	assert.True(t, s.idle(testContext(t)))
	assert.Len(t, order, 11)
	assert.Less(t, bytes.IndexByte([]byte(fmt.Sprint(order)), '2'), 8, "%v", order)
}

// TestSender_notifiesLaterOnlyOfWhatIsWrittenAtOnce: the sender of a message notifies the peer later, maybe before the
// flusher has written the message.
func TestSender_notifiesLaterOnlyOfWhatIsWrittenAtOnce(t *testing.T) {
	first, second := newMessage(frame.Frame{Call: 1}, nil), newMessage(frame.Frame{Call: 2}, nil)
	first.head.NotifyLater, second.head.NotifyLater = true, true
	var s *sender
	s = newSender(streamWriter{sendFunc(func(f *frame.Frame) error {
		if f.Call == 1 {
			require.NoError(t, s.submitReply(second))
		}
		return nil
	})}, func(error) {}, 1<<30, 100, quota.New(queueKind, 1<<30))
	require.NoError(t, s.submitReply(first))
	assert.True(t, s.idle(testContext(t)))
	assert.True(t, first.head.NotifyLater)
	assert.False(t, second.head.NotifyLater, "it was queued")
}

// TestSender_callsAreNotRefusedForControl, with which their messages wait.
func TestSender_callsAreNotRefusedForControl(t *testing.T) {
	a, _ := workers(t, echo, options{limits: func(l *Limits) { l.CallsPerPeer = 1 }})
	_, err := a.call(testContext(t), "w1", nil)
	require.NoError(t, err)
	out := a.connTo("w1").out
	require.True(t, out.idle(testContext(t)))
	out.mu.Lock()
	out.busy = true
	out.mu.Unlock()
	for range 10 {
		require.NoError(t, out.submitReply(newMessage(frame.Frame{Kind: agentpb.Kind_KIND_ACCEPT}, nil)))
	}
	f := a.callAsync(testContext(t), "w1", nil)
	out.flush()
	_, err = f.Wait(testContext(t))
	assert.NoError(t, err)
}
