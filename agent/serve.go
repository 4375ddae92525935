package agent

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/reflection"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/panics"
)

// service is the agent as its peers see it.
type service struct {
	agentpb.UnimplementedAgentServer
	agent *Agent
}

// newServer makes the gRPC server: our service, health and reflection, everything behind the same check.
func (a *Agent) newServer() *grpc.Server {
	s := grpc.NewServer(append(a.transport.ServerOptions(),
		grpc.Creds(a.security.ServerCredentials()),
		grpc.InTapHandle(a.security.Tap), grpc.UnaryInterceptor(a.unary), grpc.StreamInterceptor(a.streaming),
		grpc.WaitForHandlers(true),
		grpc.ConnectionTimeout(a.limits.Handshake),
		grpc.MaxConcurrentStreams(8), grpc.MaxHeaderListSize(16<<10),
	)...)
	agentpb.RegisterAgentServer(s, service{agent: a})
	a.health.register(s)
	reflection.Register(s)
	return s
}

func (a *Agent) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (reply any, err error) {
	err = a.survive(info.FullMethod, func() (err error) {
		reply, err = next(ctx, req)
		return err
	})
	return reply, err
}

func (a *Agent) streaming(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	return a.survive(info.FullMethod, func() error { return next(srv, stream) })
}

// survive makes an error of a panic: no mistake of the agent's own lets a peer end the process.
func (a *Agent) survive(method string, serve func() error) (err error) {
	panics.Catch(serve, func(end panics.End) {
		err = end.Err
		if end.Panic != nil {
			a.log.Error("agent: a panic while serving", "method", method, "panic", end.Panic.Value, "stack", end.Panic.Stack)
			err = failure(codes.Internal, "panic in %s", method)
		}
	})
	return err
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
	from := &served{agent: a, guest: guest, peer: Peer{
		Name: w.Name, Rank: w.Rank, Identity: c.Identity, Address: c.Address, Allow: a.config.Policy.Requests(w.Name),
		incarnation: h.GetIncarnation(),
	}}
	ctx := context.WithValue(a.serveCtx, peerKey{}, &from.peer)
	return a.transport.Serve(ctx, stream, transport.Caller{Name: w.Name, Address: c.Address, Guest: guest, Hello: h}, from)
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

// served is what one caller asks for: the transport's Handler.
type served struct {
	agent *Agent
	peer  Peer
	guest bool // no worker of the group: it may call, and nothing else
}

// Traits refuses what a guest may not ask for.
func (s *served) Traits(number agentpb.Method) (transport.Traits, *rpcerr.Error) {
	m := methodOf(number)
	if s.guest && !m.guests {
		return m.Traits, rpcerr.Errorf(codes.PermissionDenied,
			"%s is a guest here (Config.Guests, --guest): it may call, and nothing else", s.peer.Name)
	}
	return m.Traits, nil
}

// Begin counts an execution, and begins it where the method wants that before the caller's next request.
func (s *served) Begin(r *transport.Request) *rpcerr.Error {
	m := methodOf(r.Method)
	if err := s.agent.activity.Serve(m.barrier); err != nil {
		return (*rpcerr.Error)(asError(err))
	}
	if m.early == nil {
		return nil
	}
	if err := m.early(s.agent, &s.peer, Body(r.Body), r.Detail); err != nil {
		r.Refusal = (*rpcerr.Error)(s.agent.ownEnd(err)) // said by Execute, so that a shutdown waits until the caller has heard it
	}
	return nil
}

// Execute executes a request.
func (s *served) Execute(r *transport.Request) (transport.Reply, *rpcerr.Error) {
	if r.Refusal != nil {
		return transport.Reply{}, r.Refusal
	}
	reply, err := methodOf(r.Method).serve(r.Context, s.agent, &s.peer, Request{Body: Body(r.Body), memory: r.Memory}, r.Detail)
	out := transport.Reply{Body: transport.Body(reply.Body), Contiguous: reply.Contiguous, Release: reply.Release}
	if err != nil {
		return out, (*rpcerr.Error)(s.agent.ownEnd(err))
	}
	return out, nil
}

// End ends what Begin has counted.
func (s *served) End(r *transport.Request) { s.agent.activity.Done(methodOf(r.Method).barrier) }

// callSelf executes a call to this worker itself, with the same limits and without the network.
func (a *Agent) callSelf(c *clientCall) {
	if err := a.activity.Serve(c.method.barrier); err != nil {
		c.finish(Reply{}, err)
		return
	}
	counted := int64(0)
	if c.method.Limited {
		counted = 1
	}
	if err := a.transport.Serving.Acquire(counted); err != nil {
		a.activity.Done(c.method.barrier)
		c.finish(Reply{}, ofRoom(err))
		return
	}
	self := a.self()
	base := context.WithValue(a.serveCtx, peerKey{}, self)
	var ctx context.Context
	var cancel context.CancelFunc
	if c.Deadline.IsZero() {
		ctx, cancel = context.WithCancel(base)
	} else {
		ctx, cancel = context.WithDeadline(base, c.Deadline)
	}
	c.Then(func(Reply, error) { cancel() }) // the caller may give up first
	go func() {
		var reply Reply
		err := errExited // unless serve returns
		defer func() {
			a.transport.Serving.Release(counted)
			a.activity.Done(c.method.barrier)
			body := reply.owned()
			reply.done()
			if err != nil {
				c.finish(Reply{}, a.ownEnd(err))
			} else {
				c.finish(Reply{Body: body}, nil)
			}
		}()
		reply, err = c.method.serve(ctx, a, self, Request{Body: Body(c.Body)}, c.Detail)
	}()
}

// ownEnd is the error that an execution ended with; when it is because this worker stops, it says so.
func (a *Agent) ownEnd(err error) *Error {
	if a.serveCtx.Err() != nil {
		return failure(codes.Unavailable, "worker %s was shut down during the call: %w", a.config.Name, err)
	}
	return asError(err)
}
