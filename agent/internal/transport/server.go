package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/agent/internal/quota"
	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// maxRefusals is how many messages may wait for a peer when it is refused something.
const maxRefusals = 1024

// Caller is who opened a stream to this worker.
type Caller struct {
	Name    string
	Address string
	Guest   bool           // no worker of the group: several may have one name, and it is told nothing of this machine
	Hello   *agentpb.Hello // what it said of itself
}

// serverConn is one stream from a peer, seen by the side that is called.
type serverConn struct {
	conn
	transport *Transport
	from      Caller
	key       string // among the callers
	life      *incarnation
	handler   Handler
	requests  requestsReader
	ctx       context.Context // of everything that is executed for the stream
	cancel    context.CancelCauseFunc
	kicked    chan error // why the stream must end

	serving  quota.Budget // requests in execution, or arriving
	control  quota.Budget // of them, the agents' own control
	incoming quota.Budget // bytes of requests that are held

	mu      sync.Mutex
	running map[uint64]*serverCall // guarded by mu
}

// Serve serves the stream of a caller until it ends, or is ended: then the error says why. Requests are executed with
// contexts that are made of ctx.
func (t *Transport) Serve(ctx context.Context, stream grpc.ServerStream, from Caller, h Handler) error {
	var nonce []byte
	if !from.Guest {
		nonce = t.nonce()
	}
	in := t.newServerConn(ctx, stream, from, nonce, h)
	defer in.shared.close()
	defer in.cancel(errOver) // whatever way the stream ends: until then ctx holds on to all of in
	if err := t.callers.enter(in); err != nil {
		return t.config.Security.Refuse(stream.Context(), err)
	}
	defer t.callers.leave(in)
	if !from.Guest {
		t.config.Group.Arrived(from.Name, from.Hello.GetIncarnation())
		defer t.config.Group.Heard(from.Name)
	}
	if err := stream.SendHeader(t.config.Hello(nonce)); err != nil {
		return err
	}
	return in.run()
}

// StopServing refuses further streams with an error, waits until the replies of the present ones are out, as long as ctx
// allows, and ends them with why.
func (t *Transport) StopServing(ctx context.Context, refusal, why *rpcerr.Error) {
	streams := t.callers.close(refusal)
	for _, in := range streams {
		if !in.out.idle(ctx) {
			break
		}
	}
	for _, in := range streams {
		in.kick(why)
	}
}

func (t *Transport) newServerConn(ctx context.Context, stream frameStream, from Caller, nonce []byte, h Handler) *serverConn {
	in := &serverConn{transport: t, from: from, handler: h, kicked: make(chan error, 1), running: map[uint64]*serverCall{}}
	in.ctx, in.cancel = context.WithCancelCause(ctx)
	in.stream, in.side, in.requests = stream, in, streamRequests{in}
	in.shared = t.newSharedMemory(nonce, from.Hello, stream, in.sendControl)
	in.shared.mayInvite = func() bool { return t.rings.TryAcquire(1) }
	in.out = newSender(t.writerOf(stream), in.kick, t.limits.QueuePerPeer, 2*maxRefusals, &t.replies)
	in.serving.Init(servingPerPeerKind, int64(t.limits.ServingPerPeer))
	in.control.Init(controlKind, int64(t.limits.ServingPerPeer))
	in.incoming.Init(requestsPerPeer, t.limits.ReceivePerPeer)
	return in
}

// run serves the stream until it ends or is ended.
func (in *serverConn) run() error {
	read := make(chan error, 1)
	in.transport.tasks.Go(func() {
		err := in.readAll() // ends, at the latest, when Serve has returned
		in.discard()
		if in.shared.invited {
			in.transport.rings.Release(1)
		}
		read <- err
	})
	var err error
	select {
	case err = <-read:
	case err = <-in.kicked:
	}
	in.cancel(err)
	in.out.close(rpcerr.Errorf(codes.Unavailable, "the connection ended"))
	if errors.Is(err, frame.ErrProtocol) {
		in.transport.log.Warn("agent: a peer broke the protocol", "peer", in.from.Name, "address", in.from.Address, "err", err)
		return rpcerr.Errorf(codes.InvalidArgument, "%w", err)
	}
	return err
}

// sendControl sends a message that is about no call. It fails with the stream.
func (in *serverConn) sendControl(o *message) { _ = in.out.submit(o, nil) }

// kick ends the stream from this side.
func (in *serverConn) kick(why error) {
	select {
	case in.kicked <- why:
	default: // it is going already
	}
}

// readAll reads until the stream ends, which the peer may have wanted.
func (in *serverConn) readAll() error {
	if err := in.read(); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// handle takes a frame. It never waits for anything but the writing of a small refusal, so that a peer cannot hold up its
// own other calls.
func (in *serverConn) handle(f *frame.Frame) error {
	switch f.Kind {
	case agentpb.Kind_KIND_REQUEST:
		return in.request(f)
	case agentpb.Kind_KIND_CHUNK:
		in.mu.Lock()
		c := in.running[f.Call]
		in.mu.Unlock()
		if c == nil {
			return nil // it was refused
		}
		return in.gather(c, f)
	case agentpb.Kind_KIND_CANCEL:
		in.canceled(f.Call)
		return nil
	}
	return fmt.Errorf("%w: a frame of kind %v from the calling side", frame.ErrProtocol, f.Kind)
}

// request begins to take in a request, and starts it if that is all of it.
func (in *serverConn) request(f *frame.Frame) error {
	if err := in.life.number(f.Call); err != nil {
		return err
	}
	if f.Region != nil && len(f.Data) > 0 {
		return fmt.Errorf("%w: a body here and there", frame.ErrProtocol)
	}
	traits, refusal := in.handler.Traits(f.Method)
	if refusal != nil {
		in.refuse(f.Call, refusal)
		return nil
	}
	if len(f.Sizes) > 0 && !traits.HasBody { // nobody would read it, or free the memory that it is lent in
		return fmt.Errorf("%w: a body with %v", frame.ErrProtocol, f.Method)
	}
	c := &serverCall{id: f.Call, traits: traits, request: Request{Method: f.Method, Detail: f.Detail}}
	if refusal := in.acquire(c, f); refusal != nil {
		in.refuse(c.id, refusal)
		return nil
	}
	c.body = newAssembly(f.Sizes, c.total)
	c.region = f.Region
	if f.Timeout > 0 {
		c.request.Context, c.cancel = context.WithTimeout(in.ctx, f.Timeout)
	} else {
		c.request.Context, c.cancel = context.WithCancel(in.ctx)
	}
	in.mu.Lock()
	in.running[c.id] = c
	in.mu.Unlock()
	return in.gather(c, f)
}

// gather adds a part of a request's body, and has the request executed if that was the last.
func (in *serverConn) gather(c *serverCall, f *frame.Frame) error {
	if c.begun { // an empty part would run it again
		return fmt.Errorf("%w: a part of a body that was complete", frame.ErrProtocol)
	}
	if err := c.body.add(f.Data); err != nil {
		return err
	}
	if c.region == nil && !c.body.complete() {
		return nil
	}
	if c.traits.Early {
		f.Region = nil
		if err := in.copyOut(c, false); err != nil {
			return err
		}
		c.request.Body = c.body.body
	}
	if refusal := in.handler.Begin(&c.request); refusal != nil {
		in.forget(c)
		in.release(c)
		in.refuse(c.id, refusal)
		return nil
	}
	c.begun = true
	f.Region = nil
	in.requests.execute(c)
	return nil
}

// copyOut takes the body from shared memory, where it is there.
func (in *serverConn) copyOut(c *serverCall, zeroCopy bool) error {
	if c.region == nil {
		return nil
	}
	region := c.region
	c.region = nil
	return in.shared.read(region, c.body, zeroCopy)
}

// forget takes a call out of the table.
func (in *serverConn) forget(c *serverCall) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.running, c.id)
	c.cancel()
}

// canceled ends what the caller no longer waits for.
func (in *serverConn) canceled(id uint64) {
	in.mu.Lock()
	c := in.running[id]
	if c == nil {
		in.mu.Unlock()
		return
	}
	c.canceled = true
	arriving := !c.begun
	if arriving {
		delete(in.running, id)
	}
	in.mu.Unlock()
	c.cancel()
	if arriving {
		in.release(c)
	}
}

// discard gives up the requests whose execution will never begin.
func (in *serverConn) discard() {
	in.mu.Lock()
	defer in.mu.Unlock()
	for id, c := range in.running {
		if !c.begun {
			delete(in.running, id)
			c.cancel()
			in.release(c)
		}
	}
}
