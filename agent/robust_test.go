package agent

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/agent/internal/quota"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// wires keeps the connections that an agent makes, for tests to cut.
type wires struct {
	mu    sync.Mutex
	conns []net.Conn
	dead  bool
}

func (w *wires) dial(ctx context.Context, address string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		return nil, fmt.Errorf("the cable is unplugged")
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	w.conns = append(w.conns, conn)
	return conn, err
}

// cut closes all connections; with dead, none is made any more.
func (w *wires) cut(dead bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = dead
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

func TestConnection_cutEndsCallsOnceAndNothingRunsTwice(t *testing.T) {
	bothWays(t, testConnection_cutEndsCallsOnceAndNothingRunsTwice)
}

func testConnection_cutEndsCallsOnceAndNothingRunsTwice(t *testing.T) {
	var w wires
	var ran atomic.Int64
	entered := make(chan struct{}, 100)
	agents := start(t, Config{Name: "w0", Dial: w.dial}, Config{Name: "w1", Executor: ExecutorFunc(
		func(ctx context.Context, req Request) (Reply, error) {
			ran.Add(1)
			if len(req.Body) > 0 {
				return Reply{Body: req.Body}, nil
			}
			entered <- struct{}{}
			<-ctx.Done()
			return Reply{}, ctx.Err()
		})})
	a := agents[0]
	var futures []*Future
	for range 20 {
		futures = append(futures, a.CallAsync(testContext(t), "w1", Request{}))
	}
	for range 20 {
		<-entered
	}
	w.cut(false)
	for _, f := range futures {
		_, err := f.Wait(testContext(t))
		var e *Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, codes.Unavailable, e.Code)
		assert.True(t, e.Ran)
	}
	reply, err := a.Call(testContext(t), "w1", Request{Body: Bytes([]byte("back"))})
	require.NoError(t, err, "the next call connects again")
	assert.Equal(t, "back", string(reply.Body[0]))
	assert.EqualValues(t, 21, ran.Load(), "nothing ran twice")
}

func TestConnection_unreachablePeerIsReportedAtOnceAndComesBack(t *testing.T) {
	bothWays(t, testConnection_unreachablePeerIsReportedAtOnceAndComesBack)
}

func testConnection_unreachablePeerIsReportedAtOnceAndComesBack(t *testing.T) {
	var w wires
	agents := start(t, Config{Name: "w0", Dial: w.dial}, Config{Name: "w1"})
	a := agents[0]
	_, err := a.Call(testContext(t), "w1", Request{})
	require.NoError(t, err)
	w.cut(true)
	for err = nil; err == nil; { // the first may still find the old connection
		_, err = a.Call(testContext(t), "w1", Request{})
	}
	_, err = a.Call(testContext(t), "w1", Request{})
	var e *Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, codes.Unavailable, e.Code)
	assert.False(t, e.Ran)
	assert.Equal(t, "w1", e.Worker)
	w.cut(false)
	assert.Eventually(t, func() bool {
		_, err := a.Call(testContext(t), "w1", Request{})
		return err == nil
	}, patience, backoffMin/4)
}

// Who looked for the session a moment before it was there must not make a second one: it would replace the first, and
// end what is on it.
func TestConnection_oneAtATime(t *testing.T) {
	a, _ := pair(t, echo)
	_, err := a.Call(testContext(t), "w1", Request{})
	require.NoError(t, err)
	l := a.links.byName["w1"]
	attempt, pause, err := l.approach()
	assert.Nil(t, attempt)
	assert.Zero(t, pause)
	assert.NoError(t, err)
}

func TestConnection_wrongWorkerAtTheAddress(t *testing.T) {
	agents := start(t, Config{Name: "w0"}, Config{Name: "w1"})
	w1 := agents[1].Addr().String()
	for want, config := range map[string]Config{
		"there is worker w1, not w5":            {Name: "w0", Peers: []Worker{{"w5", 5, w1}}},
		`unknown worker "w2"; there are w0, w1`: {Name: "w2", Rank: 2, Peers: []Worker{{"w5", 5, w1}}},
	} {
		config.StartTimeout = 1 // for how long a group that starts is waited for
		_, err := startOne(t, config).Call(testContext(t), "w5", Request{})
		assert.ErrorContains(t, err, want)
	}
}

func TestCall_beyondTheLimitIsRefused(t *testing.T) {
	entered, leave := make(chan struct{}, 10), make(chan struct{})
	agents := start(t,
		Config{Name: "w0", Limits: Limits{CallsPerPeer: 3, Calls: 4}},
		Config{Name: "w1", Limits: Limits{ServingPerPeer: 2}, Executor: ExecutorFunc(func(context.Context, Request) (Reply, error) {
			entered <- struct{}{}
			<-leave
			return Reply{}, nil
		})})
	a := agents[0]
	running := []*Future{a.CallAsync(testContext(t), "w1", Request{}), a.CallAsync(testContext(t), "w1", Request{})}
	<-entered
	<-entered
	_, err := a.Call(testContext(t), "w1", Request{})
	assert.Equal(t, codes.ResourceExhausted, status.Code(err))
	assert.ErrorContains(t, err, "Limits.ServingPerPeer")
	var e *Error
	require.ErrorAs(t, err, &e)
	assert.False(t, e.Ran)

	require.True(t, a.links.byName["w1"].calls.TryAcquire(1)) // a third call
	_, err = a.Call(testContext(t), "w1", Request{})
	assert.Equal(t, codes.ResourceExhausted, status.Code(err))
	assert.ErrorContains(t, err, "Limits.CallsPerPeer")
	a.links.byName["w1"].calls.Release(1)
	close(leave)
	for _, f := range running {
		_, err := f.Wait(testContext(t))
		assert.NoError(t, err)
	}
	_, err = a.Call(testContext(t), "w1", Request{})
	assert.NoError(t, err, "the limits count what is, not what was")
}

// TestCall_isNotRefusedForTheAgentsOwnTalk, with which its message waits.
func TestCall_isNotRefusedForTheAgentsOwnTalk(t *testing.T) {
	a := start(t, Config{Name: "w0", Limits: Limits{CallsPerPeer: 1}}, Config{Name: "w1"})[0]
	_, err := a.Call(testContext(t), "w1", Request{})
	require.NoError(t, err)
	out := a.links.byName["w1"].current.Load().out
	out.idle()
	out.mu.Lock()
	out.busy = true
	out.mu.Unlock()
	for range 10 {
		require.NoError(t, out.submitReply(newMessage(frame.Frame{Kind: agentpb.Kind_KIND_ACCEPT}, nil)))
	}
	f := a.CallAsync(testContext(t), "w1", Request{})
	out.flush()
	_, err = f.Wait(testContext(t))
	assert.NoError(t, err)
}

func TestCall_tooLargeBodies(t *testing.T) {
	agents := start(t, Config{Name: "w0", Limits: Limits{MaxMessage: 1000}}, Config{Name: "w1", Limits: Limits{MaxMessage: 100},
		Executor: ExecutorFunc(func(context.Context, Request) (Reply, error) {
			return Reply{Body: Bytes(make([]byte, 101))}, nil
		})})
	for size, want := range map[int]string{1001: "allowed are 1000", 101: "the worker takes 100", 100: "the reply has 101 bytes"} {
		_, err := agents[0].Call(testContext(t), "w1", Request{Body: Bytes(make([]byte, size))})
		assert.Equal(t, codes.ResourceExhausted, status.Code(err))
		assert.ErrorContains(t, err, want)
	}
}

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
		o := newMessage(frame.Frame{}, Bytes(make([]byte, 10<<10)))
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
	s.idle()
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
	require.NoError(t, s.submit(newMessage(frame.Frame{Call: 1}, Bytes(make([]byte, 10*chunkSize))), nil))
	step <- struct{}{}
	<-stepped
	require.NoError(t, s.submit(newMessage(frame.Frame{Call: 2}, nil), nil))
	close(step)
	s.idle()
	assert.Len(t, order, 11)
	assert.Less(t, bytes.IndexByte([]byte(fmt.Sprint(order)), '2'), 8, "%v", order)
}

// TestSender_notifiesLaterOnlyOfWhatIsWrittenAtOnce: the sender of a message notifies the peer later, maybe before the
// flusher has written the message.
func TestSender_notifiesLaterOnlyOfWhatIsWrittenAtOnce(t *testing.T) {
	first, second := newMessage(frame.Frame{Call: 1}, nil), newMessage(frame.Frame{Call: 2}, nil)
	first.head.notifyLater, second.head.notifyLater = true, true
	var s *sender
	s = newSender(streamWriter{sendFunc(func(f *frame.Frame) error {
		if f.Call == 1 {
			require.NoError(t, s.submitReply(second))
		}
		return nil
	})}, func(error) {}, 1<<30, 100, quota.New(queueKind, 1<<30))
	require.NoError(t, s.submitReply(first))
	s.idle()
	assert.True(t, first.head.notifyLater)
	assert.False(t, second.head.notifyLater, "it was queued")
}

func TestPeer_oldNumbersAndOldLivesAreRefused(t *testing.T) {
	var ran atomic.Int64
	agents := start(t, Config{Name: "w0"}, Config{Name: "w1", Executor: ExecutorFunc(func(_ context.Context, r Request) (Reply, error) {
		ran.Add(1)
		return Reply{Body: r.Body}, nil
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
	agents := start(t, Config{Name: "w0"}, Config{Name: "w1"}, Config{Name: "w2"})
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
	_, err := agents[2].Call(testContext(t), "w1", Request{})
	assert.NoError(t, err, "the others do not notice")
}

func TestPeer_badHellos(t *testing.T) {
	agents := start(t, Config{Name: "w0"}, Config{Name: "w1"})
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
	agents := start(t, Config{Name: "w0"}, Config{Name: "w1"})
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
