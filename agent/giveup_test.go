package agent_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
)

// What was given up before it was sent is never sent: Ran is false, and true to that.
func TestCall_givenUpWhileConnecting(t *testing.T) {
	dialing, connect := make(chan struct{}), make(chan struct{})
	var once sync.Once // a connection that is too slow is tried again
	var ran atomic.Int64
	agents := start(t,
		agent.Config{Name: "w0", Dial: func(ctx context.Context, address string) (net.Conn, error) {
			once.Do(func() { close(dialing) })
			<-connect
			return (&net.Dialer{}).DialContext(ctx, "tcp", address)
		}},
		agent.Config{Name: "w1", Executor: agent.ExecutorFunc(func(context.Context, agent.Request) (agent.Reply, error) {
			ran.Add(1)
			return agent.Reply{}, nil
		})})
	ctx, cancel := context.WithCancel(testContext(t))
	async := agents[0].CallAsync(ctx, "w1", agent.Request{})
	<-dialing
	handmade := agents[0].CallAsync(testContext(t), "w1", agent.Request{})
	handmade.Cancel()
	cancel()
	for _, f := range []*agent.Future{async, handmade} {
		_, err := f.Wait(testContext(t))
		var e *agent.Error
		require.ErrorAs(t, err, &e)
		assert.ErrorIs(t, err, context.Canceled)
		assert.False(t, e.Ran)
	}
	close(connect)
	_, err := agents[0].Call(testContext(t), "w1", agent.Request{})
	require.NoError(t, err)
	assert.EqualValues(t, 1, ran.Load())
}

// TestCall_endsWhileItConnects: a call whose time is over before StartTimeout is says what has kept it from the worker.
func TestCall_endsWhileItConnects(t *testing.T) {
	var said logs
	a := startOne(t, agent.Config{Name: "w1", Rank: 1, StartTimeout: patience, Peers: []agent.Worker{{"w0", 0, "127.0.0.1:3"}}, Logger: said.logger()})
	ctx, cancel := context.WithCancel(testContext(t))
	go func() {
		assert.Eventually(t, func() bool { return strings.Contains(said.String(), "cannot reach worker") }, patience, pollInterval)
		cancel()
	}()
	_, err := a.Call(ctx, "w0", agent.Request{})
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "connecting to the worker (nothing listens at 127.0.0.1:3: connection refused)")
}

// A call that is given up at any moment ends once, and leaves nothing behind on either side.
func TestCall_givenUpAtAnyMoment(t *testing.T) {
	var seen atomic.Int64
	a, b := pair(t, func(_ context.Context, r agent.Request) (agent.Reply, error) {
		seen.Add(1)
		return agent.Reply{Body: r.Body}, nil
	})
	body := agent.Bytes(make([]byte, 3*agent.ChunkSize))
	var maybe, done int64
	for i := range 400 {
		ctx, cancel := context.WithCancel(testContext(t))
		f := a.CallAsync(ctx, "w1", agent.Request{Body: body})
		for range i % 7 { // let it come a little further each time
			_, err := a.Call(testContext(t), "w0", agent.Request{})
			require.NoError(t, err)
		}
		cancel()
		_, err := f.Wait(testContext(t))
		var e *agent.Error
		switch {
		case err == nil:
			done++
		case assert.ErrorAs(t, err, &e) && e.Ran:
			maybe++
		}
	}
	_, err := a.Call(testContext(t), "w1", agent.Request{}) // and the stream is in order
	require.NoError(t, err)
	require.NoError(t, a.WaitIdle(testContext(t)))
	require.NoError(t, b.WaitIdle(testContext(t)))
	assert.LessOrEqual(t, seen.Load(), done+maybe+1, "nothing ran of which it was said that it did not")
	assert.Eventually(t, func() bool {
		return a.Stats().IncomingBytes+b.Stats().IncomingBytes+a.Stats().QueuedBytes+b.Stats().QueuedBytes == 0
	}, patience, pollInterval)
}

// slow is a value whose copying can be watched.
type slow struct {
	copying, copied chan struct{}
	released        atomic.Bool
}

func (v *slow) Fetch(context.Context) (agent.Body, error) {
	close(v.copying)
	<-v.copied
	if v.released.Load() {
		panic("released under the feet of Fetch")
	}
	return agent.Body{}, nil
}

func (v *slow) Release() { v.released.Store(true) }

func TestRRef_valueStaysWhileItIsCopied(t *testing.T) {
	for _, how := range []string{"release", "shutdown"} {
		a := start(t, agent.Config{Name: "w0"})[0]
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
