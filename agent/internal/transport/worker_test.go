package transport

import (
	"context"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// patience is how long a test waits for what must happen. It is no measure of anything.
const patience = 60 * time.Second

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// number makes a body of a number.
func number(n uint64) Body { return Body{binary.BigEndian.AppendUint64(nil, n)} }

// someLimits are enough for every test.
var someLimits = Limits{
	MaxMessage: 1 << 30, CallsPerPeer: 1 << 14, QueuePerPeer: 1 << 30, Queue: 4 << 30, ServingPerPeer: 1 << 14, Serving: 1 << 16,
	ReceivePerPeer: 1 << 30, Receive: 4 << 30, Shared: 512 << 20,
}

// serveFunc executes a request of a test.
type serveFunc func(ctx context.Context, body Body) (Body, error)

// echo answers with what was asked.
func echo(_ context.Context, body Body) (Body, error) { return body, nil }

// worker is a Transport and what is around it: a server of grpc, and who else there is. It has the Transport's ask
// answered as an agent would, and executes calls and nothing else.
type worker struct {
	*Transport
	agentpb.UnimplementedAgentServer
	t       testing.TB
	name    string
	serve   serveFunc
	guests  bool // callers are guests
	address string
	peers   map[string]*Peer
}

// options say what is different about a worker.
type options struct {
	limits func(*Limits)
	guests bool
	secure security.Config // nothing for a worker in clear text
}

// startWorker makes a worker that serves until the test ends.
func startWorker(t testing.TB, name string, serve serveFunc, o options) *worker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	incarnation := 1 + rand.Uint64N(1<<63)
	c := o.secure
	c.Name, c.Incarnation, c.Logger = name, incarnation, slog.New(slog.DiscardHandler)
	c.Exposure = security.Exposure{Listener: l.Addr(), Listens: l.Addr().String()}
	guard, err := security.New(c)
	require.NoError(t, err)
	w := &worker{t: t, name: name, serve: serve, guests: o.guests, address: l.Addr().String(), peers: map[string]*Peer{}}
	limits := someLimits
	if o.limits != nil {
		o.limits(&limits)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.Transport = New(ctx, Config{
		Limits: limits, ConnectTimeout: patience, StartTimeout: patience, Keepalive: patience, Security: guard, Group: w, Log: c.Logger,
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
	h, c, err := w.config.Security.Identify(stream.Context())
	if err != nil {
		return err
	}
	return w.Serve(context.Background(), stream, Caller{Name: h.GetName(), Address: c.Address, Guest: w.guests, Hello: h}, w)
}

func (w *worker) Complete() bool         { return false }
func (w *worker) Arrived(string, uint64) {}
func (w *worker) Heard(string)           {}

func (w *worker) Traits(agentpb.Method) (Traits, *rpcerr.Error) {
	return Traits{Limited: true, HasBody: true}, nil
}

func (w *worker) Begin(*Request) *rpcerr.Error { return nil }
func (w *worker) End(*Request)                 {}

func (w *worker) Execute(r *Request) (Reply, *rpcerr.Error) {
	body, err := w.serve(r.Context, r.Body)
	if err != nil {
		return Reply{}, rpcerr.From(err)
	}
	return Reply{Body: body}, nil
}

// future is a call of a test and its outcome.
type future struct {
	Call
	decided atomic.Bool
	done    chan struct{}
	reply   Reply
	err     error
}

func (f *future) Done() <-chan struct{} { return f.done }

func (f *future) Finish(reply Reply, err *rpcerr.Error) bool {
	if !f.decided.CompareAndSwap(false, true) {
		return false
	}
	f.reply = reply
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
func (f *future) Wait(ctx context.Context) (Body, error) {
	if !f.over() {
		f.ReadWhile(ctx)
	}
	select {
	case <-f.done:
		return f.reply.Body, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func newCall(ctx context.Context, body Body) *future {
	f := &future{Call: Call{Method: agentpb.Method_METHOD_CALL, Body: body}, done: make(chan struct{})}
	f.Deadline, _ = ctx.Deadline()
	f.Outcome = f
	return f
}

// call makes a call and waits for it.
func (w *worker) call(ctx context.Context, to string, body Body) (Body, error) {
	f := newCall(ctx, body)
	w.peers[to].Send(ctx, &f.Call)
	f.ReadFor(ctx)
	select {
	case <-f.done:
	case <-ctx.Done():
		f.Abandon(ctx.Err())
		<-f.done
	}
	return f.reply.Body, f.err
}

// callAsync makes a call without waiting for its outcome.
func (w *worker) callAsync(ctx context.Context, to string, body Body) *future {
	f := newCall(ctx, body)
	w.peers[to].Send(ctx, &f.Call)
	f.Expect()
	return f
}

// connTo is the connection that a worker has to another.
func (w *worker) connTo(to string) *clientConn { return w.peers[to].current.Load() }

// ringed waits until each of a pair sends to the other through a ring: a's requests and b's replies.
func ringed(t *testing.T, a, b *worker) {
	t.Helper()
	for a.Stats().Rings == 0 || b.Stats().Rings == 0 {
		_, err := a.call(testContext(t), b.name, nil)
		require.NoError(t, err)
	}
}
