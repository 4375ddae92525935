package agent_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
)

func TestCall_bodiesArriveSegmentBySegment(t *testing.T) {
	bothWays(t, testCall_bodiesArriveSegmentBySegment)
}

func testCall_bodiesArriveSegmentBySegment(t *testing.T) {
	a, _ := pair(t, echo)
	big := make([]byte, 3<<20+17)
	rng := rand.NewChaCha8([32]byte{1})
	_, _ = rng.Read(big)
	for name, body := range map[string]agent.Body{
		"nothing":        nil,
		"an empty one":   {{}},
		"small":          agent.Bytes([]byte("hello")),
		"several":        {[]byte("a"), nil, []byte("bc"), {}},
		"just inline":    agent.Bytes(big[:frame.InlineSize]),
		"not inline":     agent.Bytes(big[:frame.InlineSize+1]),
		"one chunk":      agent.Bytes(big[:agent.ChunkSize]),
		"a byte more":    agent.Bytes(big[:agent.ChunkSize+1]),
		"large":          agent.Bytes(big),
		"large segments": {big[:1<<20], big[1<<20 : 1<<20+5], nil, big[1<<20+5:]},
	} {
		for _, to := range []string{"w0", "w1"} {
			reply, err := a.Call(testContext(t), to, agent.Request{Body: body})
			require.NoError(t, err, name)
			require.Len(t, reply.Body.Segments(), len(body.Segments()), name)
			for i := range body.Segments() {
				assert.True(t, bytes.Equal(body.Segments()[i], reply.Body.Segments()[i]), "%s to %s: segment %d", name, to, i)
			}
		}
	}
}

func TestCall_manyAtOnceGetTheirOwnReplies(t *testing.T) {
	bothWays(t, testCall_manyAtOnceGetTheirOwnReplies)
}

func testCall_manyAtOnceGetTheirOwnReplies(t *testing.T) {
	a, b := pair(t, echo)
	var all sync.WaitGroup
	for g := range 32 {
		all.Go(func() {
			from, to := a, "w1"
			if g%2 == 0 {
				from, to = b, "w0"
			}
			for i := range 50 {
				text := fmt.Appendf(nil, "%d.%d", g, i)
				if i%10 == 0 {
					text = bytes.Repeat(text, 60<<10)
				}
				reply, err := from.Call(testContext(t), to, agent.Request{Body: agent.Bytes(text)})
				if assert.NoError(t, err) {
					assert.True(t, bytes.Equal(text, reply.Body.Bytes()))
				}
			}
		})
	}
	all.Wait()
	require.Eventually(t, func() bool { // a reply may be there before its sender has it off the books
		s := a.Stats()
		return s.QueuedBytes == 0 && s.InFlight == 0
	}, patience, time.Millisecond)
}

func TestCall_unknownWorkerNamesTheKnownOnes(t *testing.T) {
	a, _ := pair(t, echo)
	_, err := a.Call(testContext(t), "nobody", agent.Request{})
	assert.ErrorIs(t, err, agent.ErrUnknownWorker)
	assert.ErrorContains(t, err, `"nobody"; there are w0, w1`)
	assert.Equal(t, codes.NotFound, status.Code(err))
}

func TestCall_errorsKeepTheirCode(t *testing.T) {
	a, _ := pair(t, func(_ context.Context, req agent.Request) (agent.Reply, error) {
		switch string(req.Body.Bytes()) {
		case "plain":
			return agent.Reply{}, errors.New("it broke, caf\xe9")
		case "status":
			return agent.Reply{}, status.Error(codes.AlreadyExists, "there is one")
		case "panic":
			panic("ouch")
		}
		return agent.Reply{}, nil
	})
	for text, want := range map[string]codes.Code{"plain": codes.Unknown, "status": codes.AlreadyExists, "panic": codes.Internal} {
		_, err := a.Call(testContext(t), "w1", agent.Request{Body: agent.Bytes([]byte(text))})
		var e *agent.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, want, e.Code, text)
		assert.Equal(t, "w1", e.Worker)
		assert.True(t, e.Ran)
	}
	_, err := a.Call(testContext(t), "w1", agent.Request{Body: agent.Bytes([]byte("plain"))})
	assert.ErrorContains(t, err, "it broke, caf\uFFFD")
}

func TestCall_deadlineTravels(t *testing.T) { bothWays(t, testCall_deadlineTravels) }

func testCall_deadlineTravels(t *testing.T) {
	left := make(chan error, 100)
	a, _ := pair(t, func(ctx context.Context, _ agent.Request) (agent.Reply, error) {
		_, has := ctx.Deadline()
		assert.True(t, has)
		<-ctx.Done()
		left <- ctx.Err()
		return agent.Reply{}, ctx.Err()
	})
	ctx, cancel := context.WithTimeout(testContext(t), 1e6)
	defer cancel()
	_, warm := a.Call(testContext(t), "w0", agent.Request{})
	require.NoError(t, warm)
	for range 50 { // the first may run out of time before it is sent
		_, err := a.Call(ctx, "w1", agent.Request{})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
	}
	for len(left) == 0 { // on a busy machine the connection may take longer than a call has
		long, cancel := context.WithTimeout(testContext(t), 50e6)
		_, err := a.Call(long, "w1", agent.Request{})
		cancel()
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	}
	assert.Error(t, <-left)
}

func TestCall_cancelReachesTheCallee(t *testing.T) { bothWays(t, testCall_cancelReachesTheCallee) }

func testCall_cancelReachesTheCallee(t *testing.T) {
	entered, left := make(chan struct{}), make(chan error, 1)
	a, _ := pair(t, func(ctx context.Context, _ agent.Request) (agent.Reply, error) {
		close(entered)
		<-ctx.Done()
		left <- ctx.Err()
		return agent.Reply{}, ctx.Err()
	})
	ctx, cancel := context.WithCancel(testContext(t))
	go func() {
		<-entered
		cancel()
	}()
	_, err := a.Call(ctx, "w1", agent.Request{})
	assert.ErrorIs(t, err, context.Canceled)
	var e *agent.Error
	require.ErrorAs(t, err, &e)
	assert.True(t, e.Ran)
	assert.ErrorIs(t, <-left, context.Canceled)
}

func TestCallAsync(t *testing.T) { bothWays(t, testCallAsync) }

func testCallAsync(t *testing.T) {
	a, _ := pair(t, echo)
	f := a.CallAsync(testContext(t), "w1", agent.Request{Body: agent.Bytes([]byte("x"))})
	then := make(chan string, 2)
	f.Then(func(r agent.Reply, err error) { then <- string(r.Body.Bytes()) })
	<-f.Done()
	f.Then(func(r agent.Reply, err error) { then <- string(r.Body.Bytes()) })
	assert.Equal(t, "x", <-then)
	assert.Equal(t, "x", <-then)
	f.Cancel()
	_, err := f.Wait(testContext(t))
	assert.NoError(t, err, "an outcome stays")

	_, err = a.CallAsync(testContext(t), "nobody", agent.Request{}).Wait(testContext(t))
	assert.ErrorIs(t, err, agent.ErrUnknownWorker)
}
