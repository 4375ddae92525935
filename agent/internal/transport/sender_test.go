package transport_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// writeFunc writes the frames of a worker to the writer that there was, or does not.
type writeFunc func(w transport.Writer, f *transport.OutFrame) error

type funcWriter struct {
	transport.Writer
	write writeFunc
}

func (w funcWriter) Write(f *transport.OutFrame) error { return w.write(w.Writer, f) }

// writing has a worker's frames written by a function.
func writing(worker string, write writeFunc) func(string, transport.Writer) transport.Writer {
	return func(name string, w transport.Writer) transport.Writer {
		if name != worker {
			return w
		}
		return funcWriter{w, write}
	}
}

// A peer that takes what it is sent but never reads must not make us hold more than the limits say, nor hold
// up a caller past its deadline.
func TestSender_peerThatDoesNotRead(t *testing.T) {
	const size, limit = 10 << 10, 1 << 19
	const direct = 4 // requests of that size are written by their callers before the peer has been silent for too long
	blocked := make(chan struct{})
	var written atomic.Int64
	a, _ := workers(t, echo, options{
		limits: func(l *transport.Limits) { l.Shared, l.QueuePerPeer, l.Queue, l.CallsPerPeer = -1, limit, 2*limit, 36 },
		wrap: writing("w0", func(w transport.Writer, f *transport.OutFrame) error {
			if f.Kind != agentpb.Kind_KIND_REQUEST || len(f.Data) == 0 {
				return w.Write(f)
			}
			if written.Add(1) <= direct {
				return nil
			}
			<-blocked
			return w.Write(f)
		}),
	})
	_, err := a.call(testContext(t), "w1", nil)
	require.NoError(t, err)
	var refused error
	var taken []*future
	for range 1000 {
		f := a.callAsync(testContext(t), "w1", transport.Body{make([]byte, size)})
		if f.decided.Load() {
			refused = f.err
			break
		}
		taken = append(taken, f)
	}
	assert.Equal(t, codes.ResourceExhausted, status.Code(refused))
	assert.ErrorContains(t, refused, "Limits.QueuePerPeer")
	assert.Greater(t, a.Stats().QueuedBytes, int64(limit-size))
	assert.LessOrEqual(t, a.Stats().QueuedBytes, int64(limit))
	for _, f := range taken[direct+1:] {
		f.decided.Store(true)
		sent, heard := f.Call.Abandon()
		assert.True(t, sent)
		assert.False(t, heard, "nothing of it was written")
	}
	assert.LessOrEqual(t, a.Stats().QueuedBytes, int64(size))
	var small []*future
	for refused = nil; refused == nil; { // withdrawn messages still have their places, and these are counted too
		f := a.callAsync(testContext(t), "w1", nil)
		if f.decided.Load() {
			refused = f.err
		} else {
			small = append(small, f)
		}
	}
	assert.ErrorContains(t, refused, "does not read")
	close(blocked)
	for _, f := range append(small, taken[direct]) {
		_, err := f.Wait(testContext(t))
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return a.Stats().QueuedBytes == 0 }, patience, time.Millisecond)
	half := transport.Body{make([]byte, limit/2)}
	first, second := a.callAsync(testContext(t), "w1", half), a.callAsync(testContext(t), "w1", half)
	for _, f := range []*future{first, second} {
		_, err := f.Wait(testContext(t))
		require.NoError(t, err, "there is room for as much as in the beginning")
	}
}

// Small messages pass between the chunks of a large one.
func TestSender_largeDoesNotHoldUpSmall(t *testing.T) {
	const chunk = 128 << 10
	var mu sync.Mutex
	var order []uint64
	var on atomic.Bool
	step, stepped := make(chan struct{}), make(chan struct{}, 100)
	a, _ := workers(t, echo, options{
		limits: func(l *transport.Limits) { l.Shared = -1 },
		wrap: writing("w0", func(w transport.Writer, f *transport.OutFrame) error {
			if on.Load() {
				<-step
				mu.Lock()
				defer mu.Unlock()
				order = append(order, f.Call)
				stepped <- struct{}{}
			}
			return w.Write(f)
		}),
	})
	_, err := a.call(testContext(t), "w1", nil)
	require.NoError(t, err)
	on.Store(true)
	large := a.callAsync(testContext(t), "w1", transport.Body{make([]byte, 10*chunk)})
	step <- struct{}{}
	<-stepped
	small := a.callAsync(testContext(t), "w1", nil)
	close(step)
	for _, f := range []*future{small, large} {
		_, err := f.Wait(testContext(t))
		require.NoError(t, err)
	}
	mu.Lock()
	defer mu.Unlock()
	assert.Len(t, order, 11)
	assert.Less(t, slices.Index(order, order[0]+1), 4, "%v", order)
	assert.Contains(t, order, order[0]+1)
}

// TestSender_callsAreNotRefusedForControl, with which their messages wait.
func TestSender_callsAreNotRefusedForControl(t *testing.T) {
	const canceled = 10
	blocked, leave := make(chan struct{}), make(chan struct{})
	var cancels atomic.Int64
	a, _ := workers(t, func(_ context.Context, body transport.Body) (transport.Body, error) {
		if len(body) > 0 {
			<-leave
		}
		return body, nil
	}, options{
		limits: func(l *transport.Limits) { l.Shared, l.CallsPerPeer = -1, 1 },
		wrap: writing("w0", func(w transport.Writer, f *transport.OutFrame) error {
			if f.Kind == agentpb.Kind_KIND_CANCEL && cancels.Add(1) == 1 {
				blocked <- struct{}{}
				<-leave
			}
			return w.Write(f)
		}),
	})
	var futures []*future
	for range canceled {
		futures = append(futures, a.callAsync(testContext(t), "w1", number(1)))
	}
	_, err := a.call(testContext(t), "w1", nil)
	require.NoError(t, err)
	go futures[0].Abandon(context.Canceled)
	<-blocked
	for _, f := range futures[1:] {
		f.Abandon(context.Canceled)
	}
	f := a.callAsync(testContext(t), "w1", nil)
	assert.False(t, f.decided.Load())
	close(leave)
	_, err = f.Wait(testContext(t))
	assert.NoError(t, err)
}
