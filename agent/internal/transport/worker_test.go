package transport_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/ticker"
)

// patience is how long a test waits for what must happen. It is no measure of anything.
const patience = 60 * time.Second

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// number makes a body of a number.
func number(n uint64) transport.Body {
	return transport.Body{binary.BigEndian.AppendUint64(nil, n)}
}

// someLimits are enough for every test.
var someLimits = transport.Limits{
	MaxMessage: 1 << 30, CallsPerPeer: 1 << 14, QueuePerPeer: 1 << 30, Queue: 4 << 30, ServingPerPeer: 1 << 14, Serving: 1 << 16,
	ReceivePerPeer: 1 << 30, Receive: 4 << 30, Shared: 512 << 20, Rings: 64,
}

// serveFunc executes a request of a test.
type serveFunc func(ctx context.Context, body transport.Body) (transport.Body, error)

// echo answers with what was asked.
func echo(_ context.Context, body transport.Body) (transport.Body, error) { return body, nil }

// worker is a Transport and what is around it: a server of grpc, and who else there is. It has the Transport's ask
// answered as an agent would, and executes calls and nothing else.
type worker struct {
	*transport.Transport
	agentpb.UnimplementedAgentServer
	t       testing.TB
	name    string
	serve   serveFunc
	guests  bool // callers are guests
	guard   *security.Security
	clock   ticker.Group
	address string
	peers   map[string]*transport.Peer
	served  atomic.Int64 // streams that have ended
	ended   atomic.Int64 // requests whose reply is out, or never will be
}

// refused is a method whose requests a worker refuses.
const refused = agentpb.Method_METHOD_FETCH

// options say what is different about a worker.
type options struct {
	limits      func(*transport.Limits)
	guests      bool
	incarnation uint64 // at random by default
	wrap        func(name string, w transport.Writer) transport.Writer
}

// startWorker makes a worker that serves until the test ends.
func startWorker(t testing.TB, name string, serve serveFunc, o options) *worker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	incarnation := cmp.Or(o.incarnation, 1+rand.Uint64N(1<<63))
	logger := slog.New(slog.DiscardHandler)
	guard, err := security.New(security.Config{Name: name, Incarnation: incarnation, Logger: logger,
		Exposure: security.Exposure{Listener: l.Addr(), Listens: l.Addr().String()}})
	require.NoError(t, err)
	w := &worker{t: t, name: name, serve: serve, guests: o.guests, guard: guard, address: l.Addr().String(), peers: map[string]*transport.Peer{}}
	limits := someLimits
	if o.limits != nil {
		o.limits(&limits)
	}
	var wrap func(transport.Writer) transport.Writer
	if o.wrap != nil {
		wrap = func(writer transport.Writer) transport.Writer { return o.wrap(name, writer) }
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.Transport = transport.New(ctx, transport.Config{
		Limits: limits, ConnectTimeout: patience, StartTimeout: patience, Keepalive: patience, Security: guard, Group: w, Log: logger,
		WrapWriter: wrap, Clock: &w.clock,
		Hello: func(nonce []byte) metadata.MD {
			return security.Metadata(&agentpb.Hello{Version: security.ProtocolVersion, Name: name, Incarnation: incarnation,
				MaxMessage: uint64(limits.MaxMessage), Nonce: nonce, Shared: uint64(max(limits.Shared, 0))})
		},
	})
	server := grpc.NewServer(append(w.ServerOptions(), grpc.Creds(guard.ServerCredentials()), grpc.InTapHandle(guard.Tap))...)
	agentpb.RegisterAgentServer(server, w)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() {
		for _, p := range w.peers {
			p.Close()
		}
		cancel()
		w.StopServing(testContext(t), rpcerr.Closed(), rpcerr.Closed())
		server.Stop()
		w.Wait()
	})
	return w
}

// workers makes w0 and w1, which know each other.
func workers(t testing.TB, serve serveFunc, o options) (a, b *worker) {
	t.Helper()
	a, b = startWorker(t, "w0", echo, o), startWorker(t, "w1", serve, o)
	a.peers["w1"], b.peers["w0"] = a.NewPeer("w1", b.address), b.NewPeer("w0", a.address)
	return a, b
}

// Connect serves one stream.
func (w *worker) Connect(stream grpc.BidiStreamingServer[agentpb.Frame, agentpb.Frame]) error {
	h, c, err := w.guard.Identify(stream.Context())
	if err != nil {
		return err
	}
	defer w.served.Add(1)
	return w.Serve(context.Background(), stream, transport.Caller{Name: h.GetName(), Address: c.Address, Guest: w.guests, Hello: h}, w)
}

func (w *worker) Complete() bool         { return false }
func (w *worker) Arrived(string, uint64) {}
func (w *worker) Heard(string)           {}

func (w *worker) Traits(m agentpb.Method) (transport.Traits, *rpcerr.Error) {
	if m == refused {
		return transport.Traits{}, rpcerr.Errorf(codes.Unimplemented, "the test refuses it")
	}
	return transport.Traits{Limited: true, HasBody: true}, nil
}

func (w *worker) Begin(*transport.Request) *rpcerr.Error { return nil }
func (w *worker) End(*transport.Request)                 { w.ended.Add(1) }

func (w *worker) Execute(r *transport.Request) (transport.Reply, *rpcerr.Error) {
	body, err := w.serve(r.Context, r.Body)
	if err != nil {
		return transport.Reply{}, rpcerr.From(err)
	}
	return transport.Reply{Body: body}, nil
}

// future is a call of a test and its outcome.
type future struct {
	transport.Call
	deaf     bool // Finish does not decide
	decided  atomic.Bool
	finished atomic.Int64 // how often Finish was called
	done     chan struct{}
	reply    transport.Reply
	err      error
	reader   string // what read the outcome: a function  of this file, "" for another
}

func (f *future) Done() <-chan struct{} { return f.done }

func (f *future) Finish(reply transport.Reply, err *rpcerr.Error) bool {
	f.finished.Add(1)
	if f.deaf || !f.decided.CompareAndSwap(false, true) {
		return false
	}
	f.reply, f.reader = reply, readerOnStack()
	if err != nil {
		f.err = err
	}
	close(f.done)
	f.Ended()
	return true
}

func (f *future) Abandon(cause error) {
	if f.decided.CompareAndSwap(false, true) {
		_, heard := f.Call.Abandon()
		f.err = rpcerr.Ended(cause, rpcerr.TheCall).About("", heard)
		close(f.done)
		f.Ended()
	}
}

// Wait reads for the outcome, as the caller of an agent's Future does. The end of ctx ends the waiting.
func (f *future) Wait(ctx context.Context) (transport.Body, error) {
	if !f.decided.Load() {
		f.ReadWhile(ctx)
	}
	select {
	case <-f.done:
		return f.reply.Body, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func newCall(ctx context.Context, body transport.Body) *future {
	f := &future{Call: transport.Call{Method: agentpb.Method_METHOD_CALL, Body: body}, done: make(chan struct{})}
	f.Deadline, _ = ctx.Deadline()
	f.Outcome = f
	return f
}

// call makes a call and waits for it.
func (w *worker) call(ctx context.Context, to string, body transport.Body) (transport.Body, error) {
	f := w.called(ctx, to, newCall(ctx, body))
	return f.reply.Body, f.err
}

// called makes a call, waits for it as the caller of a call without a Future does, and returns it with its outcome.
func (w *worker) called(ctx context.Context, to string, f *future) *future {
	w.peers[to].Send(ctx, &f.Call)
	f.ReadFor(ctx)
	select {
	case <-f.done:
	case <-ctx.Done():
		f.Abandon(ctx.Err())
		<-f.done
	}
	return f
}

// callAsync makes a call without waiting for its outcome.
func (w *worker) callAsync(ctx context.Context, to string, body transport.Body) *future {
	f := newCall(ctx, body)
	w.peers[to].Send(ctx, &f.Call)
	f.Expect()
	return f
}

// readsForItself and readsForFuture are the callers that may read a ring until they have their outcome.
const (
	readsForItself = "(*worker).called"
	readsForFuture = "(*future).Wait"
)

// readerOnStack is which of these callers this goroutine is in.
func readerOnStack() string {
	pcs := make([]uintptr, 100)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for f, more := frames.Next(); more; f, more = frames.Next() {
		for _, reader := range []string{readsForItself, readsForFuture} {
			if strings.HasSuffix(f.Function, reader) {
				return reader
			}
		}
	}
	return ""
}

// ringed waits until each of a pair sends to the other through a ring: a's requests and b's replies.
func ringed(t *testing.T, a, b *worker) {
	t.Helper()
	for a.Stats().Rings == 0 || b.Stats().Rings == 0 {
		_, err := a.call(testContext(t), b.name, nil)
		require.NoError(t, err)
	}
}
