package agent

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What was given up before it was sent is never sent: Ran is false, and true to that.
func TestCall_givenUpWhileConnecting(t *testing.T) {
	dialing, connect := make(chan struct{}), make(chan struct{})
	var once sync.Once // a connection that is too slow is tried again
	var ran atomic.Int64
	agents := start(t,
		Config{Name: "w0", Dial: func(ctx context.Context, address string) (net.Conn, error) {
			once.Do(func() { close(dialing) })
			<-connect
			return (&net.Dialer{}).DialContext(ctx, "tcp", address)
		}},
		Config{Name: "w1", Executor: ExecutorFunc(func(context.Context, Request) (Reply, error) {
			ran.Add(1)
			return Reply{}, nil
		})})
	ctx, cancel := context.WithCancel(testContext(t))
	async := agents[0].CallAsync(ctx, "w1", Request{})
	<-dialing
	handmade := agents[0].CallAsync(testContext(t), "w1", Request{})
	handmade.Cancel()
	cancel()
	for _, f := range []*Future{async, handmade} {
		_, err := f.Wait(testContext(t))
		var e *Error
		require.ErrorAs(t, err, &e)
		assert.ErrorIs(t, err, context.Canceled)
		assert.False(t, e.Ran)
	}
	close(connect)
	_, err := agents[0].Call(testContext(t), "w1", Request{})
	require.NoError(t, err)
	assert.EqualValues(t, 1, ran.Load())
}

// TestCall_endsWhileItConnects: a call whose time is over before StartTimeout is says what has kept it from the worker.
func TestCall_endsWhileItConnects(t *testing.T) {
	a := startOne(t, Config{Name: "w1", Rank: 1, StartTimeout: patience, Peers: []Worker{{"w0", 0, "127.0.0.1:3"}}})
	l, err := a.links.to("w0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(testContext(t))
	go func() {
		assert.Eventually(t, func() bool { _, why := l.lastFailure(); return why != nil }, patience, backoffMin)
		cancel()
	}()
	_, err = a.Call(ctx, "w0", Request{})
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "connecting to the worker (nothing listens at 127.0.0.1:3: connection refused)")
}

// A call that is given up at any moment ends once, and leaves nothing behind on either side.
func TestCall_givenUpAtAnyMoment(t *testing.T) {
	var seen atomic.Int64
	a, b := pair(t, func(_ context.Context, r Request) (Reply, error) {
		seen.Add(1)
		return Reply{Body: r.Body}, nil
	})
	body := Bytes(make([]byte, 3*chunkSize))
	var maybe, done int64
	for i := range 400 {
		ctx, cancel := context.WithCancel(testContext(t))
		f := a.CallAsync(ctx, "w1", Request{Body: body})
		for range i % 7 { // let it come a little further each time
			_, err := a.Call(testContext(t), "w0", Request{})
			require.NoError(t, err)
		}
		cancel()
		_, err := f.Wait(testContext(t))
		var e *Error
		switch {
		case err == nil:
			done++
		case assert.ErrorAs(t, err, &e) && e.Ran:
			maybe++
		}
	}
	_, err := a.Call(testContext(t), "w1", Request{}) // and the stream is in order
	require.NoError(t, err)
	require.NoError(t, a.activity.WaitEmpty(testContext(t)))
	require.NoError(t, b.activity.WaitEmpty(testContext(t)))
	assert.LessOrEqual(t, seen.Load(), done+maybe+1, "nothing ran of which it was said that it did not")
	assert.Eventually(t, func() bool {
		return a.Stats().IncomingBytes+b.Stats().IncomingBytes+a.Stats().QueuedBytes+b.Stats().QueuedBytes == 0
	}, patience, backoffMin/10)
	assert.Empty(t, a.links.byName["w1"].current.Load().calls)
}

// slow is a value whose copying can be watched.
type slow struct {
	copying, copied chan struct{}
	released        atomic.Bool
}

func (v *slow) Fetch(context.Context) (Body, error) {
	close(v.copying)
	<-v.copied
	if v.released.Load() {
		panic("released under the feet of Fetch")
	}
	return nil, nil
}

func (v *slow) Release() { v.released.Store(true) }

func TestRRef_valueStaysWhileItIsCopied(t *testing.T) {
	for _, how := range []string{"release", "shutdown"} {
		a := start(t, Config{Name: "w0"})[0]
		v := &slow{copying: make(chan struct{}), copied: make(chan struct{})}
		r, err := a.NewRRef(v, nil)
		require.NoError(t, err)
		fetched := make(chan error)
		go func() {
			_, err := r.ToHere(testContext(t))
			fetched <- err
		}()
		<-v.copying
		if how == "release" {
			r.Release()
		} else {
			_, err := a.Shutdown(testContext(t))
			require.NoError(t, err)
		}
		assert.False(t, v.released.Load(), how)
		close(v.copied)
		assert.NoError(t, <-fetched, how)
		assert.True(t, v.released.Load(), how)
	}
}
