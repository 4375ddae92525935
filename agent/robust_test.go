package agent_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

func TestConnection_cutEndsCallsOnceAndNothingRunsTwice(t *testing.T) {
	bothWays(t, testConnection_cutEndsCallsOnceAndNothingRunsTwice)
}

func testConnection_cutEndsCallsOnceAndNothingRunsTwice(t *testing.T) {
	var w wires
	var ran atomic.Int64
	entered := make(chan struct{}, 100)
	agents := start(t, agent.Config{Name: "w0", Dial: w.dial}, agent.Config{Name: "w1", Executor: agent.ExecutorFunc(
		func(ctx context.Context, req agent.Request) (agent.Reply, error) {
			ran.Add(1)
			if req.Body.Size() > 0 {
				return agent.Reply{Body: req.Body}, nil
			}
			entered <- struct{}{}
			<-ctx.Done()
			return agent.Reply{}, ctx.Err()
		})})
	a := agents[0]
	var futures []*agent.Future
	for range 20 {
		futures = append(futures, a.CallAsync(testContext(t), "w1", agent.Request{}))
	}
	for range 20 {
		<-entered
	}
	w.cut(false)
	for _, f := range futures {
		_, err := f.Wait(testContext(t))
		var e *agent.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, codes.Unavailable, e.Code)
		assert.True(t, e.Ran)
	}
	reply, err := a.Call(testContext(t), "w1", agent.Request{Body: agent.Bytes([]byte("back"))})
	require.NoError(t, err, "the next call connects again")
	assert.Equal(t, "back", string(reply.Body.Bytes()))
	assert.EqualValues(t, 21, ran.Load(), "nothing ran twice")
}

func TestConnection_unreachablePeerIsReportedAtOnceAndComesBack(t *testing.T) {
	bothWays(t, testConnection_unreachablePeerIsReportedAtOnceAndComesBack)
}

func testConnection_unreachablePeerIsReportedAtOnceAndComesBack(t *testing.T) {
	var w wires
	agents := start(t, agent.Config{Name: "w0", Dial: w.dial}, agent.Config{Name: "w1"})
	a := agents[0]
	_, err := a.Call(testContext(t), "w1", agent.Request{})
	require.NoError(t, err)
	w.cut(true)
	for err = nil; err == nil; { // the first may still find the old connection
		_, err = a.Call(testContext(t), "w1", agent.Request{})
	}
	_, err = a.Call(testContext(t), "w1", agent.Request{})
	var e *agent.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, codes.Unavailable, e.Code)
	assert.False(t, e.Ran)
	assert.Equal(t, "w1", e.Worker)
	w.cut(false)
	assert.Eventually(t, func() bool {
		_, err := a.Call(testContext(t), "w1", agent.Request{})
		return err == nil
	}, patience, pollInterval)
}

func TestConnection_wrongWorkerAtTheAddress(t *testing.T) {
	agents := start(t, agent.Config{Name: "w0"}, agent.Config{Name: "w1"})
	w1 := agents[1].Addr().String()
	for want, config := range map[string]agent.Config{
		"there is worker w1, not w5":            {Name: "w0", Peers: []agent.Worker{{"w5", 5, w1}}},
		`unknown worker "w2"; there are w0, w1`: {Name: "w2", Rank: 2, Peers: []agent.Worker{{"w5", 5, w1}}},
	} {
		config.StartTimeout = 1 // for how long a group that starts is waited for
		_, err := startOne(t, config).Call(testContext(t), "w5", agent.Request{})
		assert.ErrorContains(t, err, want)
	}
}

func TestCall_beyondTheLimitIsRefused(t *testing.T) {
	entered, leave := make(chan struct{}, 10), make(chan struct{})
	agents := start(t,
		agent.Config{Name: "w0", Limits: agent.Limits{CallsPerPeer: 3, Calls: 4}},
		agent.Config{Name: "w1", Limits: agent.Limits{ServingPerPeer: 2}, Executor: agent.ExecutorFunc(func(context.Context, agent.Request) (agent.Reply, error) {
			entered <- struct{}{}
			<-leave
			return agent.Reply{}, nil
		})})
	a := agents[0]
	running := []*agent.Future{a.CallAsync(testContext(t), "w1", agent.Request{}), a.CallAsync(testContext(t), "w1", agent.Request{})}
	<-entered
	<-entered
	_, err := a.Call(testContext(t), "w1", agent.Request{})
	assert.Equal(t, codes.ResourceExhausted, status.Code(err))
	assert.ErrorContains(t, err, "Limits.ServingPerPeer")
	var e *agent.Error
	require.ErrorAs(t, err, &e)
	assert.False(t, e.Ran)

	require.True(t, a.CallsTo("w1").TryAcquire(1)) // a third call
	_, err = a.Call(testContext(t), "w1", agent.Request{})
	assert.Equal(t, codes.ResourceExhausted, status.Code(err))
	assert.ErrorContains(t, err, "Limits.CallsPerPeer")
	a.CallsTo("w1").Release(1)
	close(leave)
	for _, f := range running {
		_, err := f.Wait(testContext(t))
		assert.NoError(t, err)
	}
	_, err = a.Call(testContext(t), "w1", agent.Request{})
	assert.NoError(t, err, "the limits count what is, not what was")
}

func TestCall_tooLargeBodies(t *testing.T) {
	agents := start(t, agent.Config{Name: "w0", Limits: agent.Limits{MaxMessage: 1000}}, agent.Config{Name: "w1", Limits: agent.Limits{MaxMessage: 100},
		Executor: agent.ExecutorFunc(func(context.Context, agent.Request) (agent.Reply, error) {
			return agent.Reply{Body: agent.Bytes(make([]byte, 101))}, nil
		})})
	for size, want := range map[int]string{1001: "allowed are 1000", 101: "the worker takes 100", 100: "the reply has 101 bytes"} {
		_, err := agents[0].Call(testContext(t), "w1", agent.Request{Body: agent.Bytes(make([]byte, size))})
		assert.Equal(t, codes.ResourceExhausted, status.Code(err))
		assert.ErrorContains(t, err, want)
	}
}

func TestPeer_oldNumbersAndOldLivesAreRefused(t *testing.T) {
	var ran atomic.Int64
	agents := start(t, agent.Config{Name: "w0"}, agent.Config{Name: "w1", Executor: agent.ExecutorFunc(func(_ context.Context, r agent.Request) (agent.Reply, error) {
		ran.Add(1)
		return agent.Reply{Body: r.Body}, nil
	})})
	life := &agentpb.Hello{Version: security.ProtocolVersion, Name: "w0", Incarnation: 7, MaxMessage: 100}
	p := dialRaw(t, agents[1], life)
	p.send(p.request(5, "x"))
	f, err := p.stream.Recv()
	require.NoError(t, err)
	assert.Equal(t, agentpb.Kind_KIND_REPLY, f.GetKind())
	p.send(p.request(5, "x"))
	_, err = p.stream.Recv()
	assert.ErrorContains(t, err, "request 5 comes after request 5")

	p = dialRaw(t, agents[1], life)
	p.send(p.request(4, "x"))
	_, err = p.stream.Recv()
	assert.ErrorContains(t, err, "request 4 comes after request 5", "also on another stream")
	assert.EqualValues(t, 1, ran.Load())

	p = dialRaw(t, agents[1], &agentpb.Hello{Version: security.ProtocolVersion, Name: "w0", Incarnation: 8})
	p.send(p.request(1, "x"))
	_, err = p.stream.Recv()
	assert.NoError(t, err, "a new life counts from the start")
	p = dialRaw(t, agents[1], life)
	_, err = p.stream.Recv()
	assert.Equal(t, codes.AlreadyExists, status.Code(err), "%v", err)
}

func TestPeer_brokenFramesEndTheStreamAndNothingElse(t *testing.T) {
	agents := start(t, agent.Config{Name: "w0"}, agent.Config{Name: "w1"}, agent.Config{Name: "w2"})
	for i, f := range []*agentpb.Frame{
		{},
		{Kind: agentpb.Kind_KIND_REPLY, Call: 1},
		{Kind: 77, Call: 1},
		{Kind: agentpb.Kind_KIND_REQUEST, Call: 0, Method: agentpb.Method_METHOD_CALL},
		{Kind: agentpb.Kind_KIND_REQUEST, Call: 1 << 40, Method: agentpb.Method_METHOD_CALL, Sizes: []uint64{1}, Data: []byte("xy")},
		{Kind: agentpb.Kind_KIND_REQUEST, Call: 1 << 41, Method: agentpb.Method_METHOD_QUIESCE, Sizes: []uint64{1}},
	} {
		p := dialRaw(t, agents[1], &agentpb.Hello{Version: security.ProtocolVersion, Name: "w0", Incarnation: uint64(i + 1)})
		p.send(f)
		_, err := p.stream.Recv()
		assert.Equal(t, codes.InvalidArgument, status.Code(err), "%v: %v", f, err)
	}
	for _, f := range []*agentpb.Frame{
		{Kind: agentpb.Kind_KIND_REQUEST, Call: 1, Method: 99},
		{Kind: agentpb.Kind_KIND_REQUEST, Call: 2, Method: agentpb.Method_METHOD_CALL, Sizes: []uint64{1 << 63}},
		{Kind: agentpb.Kind_KIND_REQUEST, Call: 3, Method: agentpb.Method_METHOD_FETCH},
		{Kind: agentpb.Kind_KIND_REQUEST, Call: 4, Method: agentpb.Method_METHOD_REMOTE},
		{Kind: agentpb.Kind_KIND_REQUEST, Call: 5, Method: agentpb.Method_METHOD_QUIESCE},
	} {
		p := dialRaw(t, agents[1], &agentpb.Hello{Version: security.ProtocolVersion, Name: "w0", Incarnation: 100 + f.GetCall()})
		p.send(f)
		got, err := p.stream.Recv()
		require.NoError(t, err)
		assert.Equal(t, agentpb.Kind_KIND_FAILURE, got.GetKind())
		assert.NotZero(t, got.GetStatus().GetCode())
		assert.Equal(t, f.GetCall(), got.GetCall())
	}
	_, err := agents[2].Call(testContext(t), "w1", agent.Request{})
	assert.NoError(t, err, "the others do not notice")
}

func TestPeer_badHellos(t *testing.T) {
	agents := start(t, agent.Config{Name: "w0"}, agent.Config{Name: "w1"})
	for want, h := range map[string]*agentpb.Hello{
		"speaks version 1 of the protocol, this worker version 2: run the same version of gopyrpc on both sides": {Version: security.ProtocolVersion - 1, Name: "w0", Incarnation: 1},
		"no name for a worker":  {Version: security.ProtocolVersion, Name: "w 0", Incarnation: 1},
		"no incarnation":        {Version: security.ProtocolVersion, Name: "w0"},
		"there are w0, w1":      {Version: security.ProtocolVersion, Name: "stranger", Incarnation: 1},
		"letters, digits, - _ ": {Version: security.ProtocolVersion, Incarnation: 1},
	} {
		_, err := dialRaw(t, agents[1], h).stream.Recv()
		assert.ErrorContains(t, err, want)
	}
}

func TestCall_cancelOfWhatArrivesFreesIt(t *testing.T) {
	bothWays(t, testCall_cancelOfWhatArrivesFreesIt)
}

func testCall_cancelOfWhatArrivesFreesIt(t *testing.T) {
	agents := start(t, agent.Config{Name: "w0"}, agent.Config{Name: "w1"})
	p := dialRaw(t, agents[1], &agentpb.Hello{Version: security.ProtocolVersion, Name: "w0", Incarnation: 1, MaxMessage: 1})
	p.send(&agentpb.Frame{Kind: agentpb.Kind_KIND_REQUEST, Call: 1, Method: agentpb.Method_METHOD_CALL, Sizes: []uint64{1000}, Data: []byte("x")})
	p.send(p.request(2, ""))
	_, err := p.stream.Recv()
	require.NoError(t, err)
	assert.EqualValues(t, 1000, agents[1].Stats().IncomingBytes)
	p.send(&agentpb.Frame{Kind: agentpb.Kind_KIND_CANCEL, Call: 1})
	p.send(&agentpb.Frame{Kind: agentpb.Kind_KIND_CHUNK, Call: 1, Data: make([]byte, 5000)})
	p.send(p.request(3, ""))
	_, err = p.stream.Recv()
	require.NoError(t, err)
	assert.Zero(t, agents[1].Stats().IncomingBytes)
}
