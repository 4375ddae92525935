package transport_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
)

// TestClient_replyThatNobodyWaitsFor has its memory freed: the call has another outcome, or was given up. Memory that is not
// freed is not there for the next body.
func TestClient_replyThatNobodyWaitsFor(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is shared memory on Linux only")
	}
	const size, room = 1 << 19, 1 << 22
	for _, givenUp := range []bool{false, true} {
		entered, leave := make(chan struct{}, 1), make(chan struct{}, 1)
		a, b := workers(t, func(_ context.Context, body transport.Body) (transport.Body, error) {
			entered <- struct{}{}
			<-leave
			return transport.Body{make([]byte, size)}, nil
		}, options{limits: func(l *transport.Limits) { l.Shared = room }})
		asked := int64(0)
		ask := func(deaf bool) *future {
			asked++
			f := newCall(testContext(t), nil)
			f.ZeroCopy, f.deaf = true, deaf
			a.peers["w1"].Send(testContext(t), &f.Call)
			<-entered
			return f
		}
		reply := func() {
			leave <- struct{}{}
			require.Eventually(t, func() bool { return b.ended.Load() == asked }, patience, time.Millisecond)
		}
		wait := func(f *future) {
			reply()
			f.Expect()
			<-f.done
			require.NoError(t, f.err)
			f.reply.Free()
		}
		require.Eventually(t, func() bool { wait(ask(false)); return b.Stats().Shared > 0 }, patience, time.Millisecond)
		for range 10 * room / size {
			f := ask(!givenUp)
			if givenUp {
				f.Abandon(context.Canceled)
			}
			reply()
			before := b.Stats().Shared
			wait(ask(false)) // and what came before its reply has been taken in
			require.Equal(t, before+1, b.Stats().Shared, "given up: %v", givenUp)
		}
	}
}

// TestClient_forgetsAbandonedCalls, however far each had come: the end of the connection is no news to any of them.
func TestClient_forgetsAbandonedCalls(t *testing.T) {
	leave := make(chan struct{})
	a, b := workers(t, func(_ context.Context, body transport.Body) (transport.Body, error) {
		if len(body) > 0 && body[0][7]%2 == 0 { // the last byte of the number
			<-leave
		}
		return body, nil
	}, options{})
	t.Cleanup(func() { close(leave) })
	ringed(t, a, b)
	var futures []*future
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
		futures = append(futures, f)
	}
	var before []int64
	for _, f := range futures {
		before = append(before, f.finished.Load())
	}
	a.peers["w1"].Close()
	for i, f := range futures {
		assert.Equal(t, before[i], f.finished.Load(), "call %d was remembered", i)
	}
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

// TestCallers_forgetGuestsThatHaveGone, and no worker: it may come back, with the numbers of its calls. A forgotten caller
// may use numbers a second time.
func TestCallers_forgetGuestsThatHaveGone(t *testing.T) {
	for _, guests := range []bool{true, false} {
		host := startWorker(t, "w0", echo, options{guests: guests})
		firstCall := func() error {
			caller := startWorker(t, "w1", echo, options{incarnation: 7})
			caller.peers["w0"] = caller.NewPeer("w0", host.address)
			_, err := caller.call(testContext(t), "w0", nil)
			caller.peers["w0"].Close()
			return err
		}
		require.NoError(t, firstCall())
		require.Eventually(t, func() bool { return host.served.Load() == 1 }, patience, time.Millisecond)
		if err := firstCall(); guests {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, "request 1 comes after request 1")
		}
	}
}
