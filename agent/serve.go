package agent

import (
	"context"
	"runtime/debug"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// service is the agent as its peers see it.
type service struct {
	agentpb.UnimplementedAgentServer
	agent *Agent
}

// newServer makes the gRPC server: our service, health and reflection, everything behind the same check.
func (a *Agent) newServer() *grpc.Server {
	s := grpc.NewServer(
		grpc.Creds(a.security.ServerCredentials()),
		grpc.ForceServerCodecV2(a.codec),
		grpc.InTapHandle(a.security.Tap), grpc.UnaryInterceptor(a.unary), grpc.StreamInterceptor(a.streaming),
		grpc.WaitForHandlers(true),
		grpc.ConnectionTimeout(a.limits.Handshake),
		grpc.MaxConcurrentStreams(8), grpc.MaxHeaderListSize(16<<10),
		grpc.MaxRecvMsgSize(frame.MaxSize), grpc.MaxSendMsgSize(frame.MaxSize),
		grpc.StaticStreamWindowSize(window), grpc.StaticConnWindowSize(window),
		grpc.ReadBufferSize(ioChunk), grpc.WriteBufferSize(ioChunk),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: a.config.Keepalive, Timeout: a.keepaliveTimeout()}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
	)
	agentpb.RegisterAgentServer(s, service{agent: a})
	a.health.register(s)
	reflection.Register(s)
	return s
}

func (a *Agent) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (reply any, err error) {
	defer a.survive(info.FullMethod, &err)
	return next(ctx, req)
}

func (a *Agent) streaming(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	defer a.survive(info.FullMethod, &err)
	return next(srv, stream)
}

// survive makes an error of a panic: no mistake of the agent's own lets a peer end the process.
func (a *Agent) survive(method string, err *error) {
	if v := recover(); v != nil {
		a.log.Error("agent: a panic while serving", "method", method, "panic", v, "stack", string(debug.Stack()))
		*err = failure(codes.Internal, "panic in %s", method)
	}
}

// Connect serves one peer's stream.
func (s service) Connect(stream grpc.BidiStreamingServer[agentpb.Frame, agentpb.Frame]) error {
	a := s.agent
	h, c, err := a.security.Identify(stream.Context())
	if err != nil {
		return err
	}
	select { // a peer may know the group a little earlier than we do
	case <-a.members.Known():
	case <-stream.Context().Done():
		return stream.Context().Err()
	case <-a.ctx.Done():
		return errClosed()
	}
	w, err := a.Worker(h.GetName())
	guest := err != nil && slices.Contains(a.config.Guests, h.GetName())
	if guest {
		w, err = Worker{Name: h.GetName(), Rank: -1}, nil
	}
	if err != nil {
		return a.security.Refuse(stream.Context(), a.nobody(h.GetName()))
	}
	var nonce []byte
	if !guest { // what a guest is told of this machine is less than what a worker is
		nonce = a.nonce()
	}
	shared := newSharedMemory(a, nonce, h, stream)
	shared.mayInvite = func() bool { return a.rings.TryAcquire(1) }
	defer shared.close()
	in := a.newServerConn(stream, Peer{
		Name: w.Name, Rank: w.Rank, Identity: c.Identity, Address: c.Address, Allow: a.config.Policy.Requests(w.Name),
		incarnation: h.GetIncarnation(),
	}, shared)
	in.guest = guest
	defer in.cancel(errOver) // whatever way the stream ends: until then serveCtx holds on to all of in
	if err := a.origins.enter(in, h.GetIncarnation()); err != nil {
		return a.security.Refuse(stream.Context(), err)
	}
	defer a.origins.leave(in)
	if !guest {
		a.rrefs.arrived(w.Name, h.GetIncarnation())
		defer a.rrefs.heard(w.Name)
	}
	if err := stream.SendHeader(a.hello(nonce)); err != nil {
		return err
	}
	return in.run()
}

// nobody is what a peer is told whose name is neither a worker's nor a guest's.
func (a *Agent) nobody(name string) *Error {
	guests := "has no guests"
	if len(a.config.Guests) > 0 {
		guests = "has the guests " + strings.Join(a.config.Guests, ", ")
	}
	return failure(codes.PermissionDenied, "%w %q; there are %s, and this worker %s (Config.Guests, --guest)",
		ErrUnknownWorker, name, strings.Join(a.members.Names(), ", "), guests)
}

func (a *Agent) newServerConn(stream grpc.ServerStream, peer Peer, shared *sharedMemory) *serverConn {
	in := &serverConn{conn: conn{stream: stream, shared: shared}, agent: a, peer: peer, kicked: make(chan error, 1), running: map[uint64]*serverCall{}}
	in.ctx, in.cancel = context.WithCancelCause(context.WithValue(a.serveCtx, peerKey{}, &in.peer))
	in.out = newSender(streamWriter{stream}, in.kick,
		a.limits.QueuePerPeer, 2*maxRefusals, &a.replies)
	in.side, in.requests, shared.sendControl = in, streamRequests{in}, in.sendControl
	in.serving.Init(servingPerPeerKind, int64(a.limits.ServingPerPeer))
	in.control.Init(servingPerPeerKind, int64(a.limits.ServingPerPeer))
	in.incoming.Init(requestsPerPeer, a.limits.ReceivePerPeer)
	return in
}

// callSelf executes a call to this worker itself, with the same limits and without the network.
func (a *Agent) callSelf(c *clientCall) {
	if err := a.activity.Serve(c.method.barrier); err != nil {
		c.finish(Reply{}, err)
		return
	}
	if err := a.serving.Acquire(1); err != nil {
		a.activity.Done(c.method.barrier)
		c.finish(Reply{}, ofRoom(err))
		return
	}
	self := a.self()
	base := context.WithValue(a.serveCtx, peerKey{}, self)
	var ctx context.Context
	var cancel context.CancelFunc
	if c.deadline.IsZero() {
		ctx, cancel = context.WithCancel(base)
	} else {
		ctx, cancel = context.WithDeadline(base, c.deadline)
	}
	c.Then(func(Reply, error) { cancel() }) // the caller may give up first
	go func() {
		reply, err := c.method.serve(ctx, a, self, Request{Body: c.body}, c.detail)
		a.serving.Release(1)
		a.activity.Done(c.method.barrier)
		body := reply.owned()
		reply.done()
		if err != nil {
			c.finish(Reply{}, a.ownEnd(err))
		} else {
			c.finish(Reply{Body: body}, nil)
		}
	}()
}

// ownEnd is the error that an execution ended with; when it is because this worker stops, it says so.
func (a *Agent) ownEnd(err error) *Error {
	if a.serveCtx.Err() != nil {
		return failure(codes.Unavailable, "worker %s was shut down during the call: %w", a.config.Name, err)
	}
	return asError(err)
}
