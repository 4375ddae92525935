package agent

import (
	"context"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/tap"
	"google.golang.org/protobuf/proto"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/handshake"
)

const (
	helloKey        = "gopyrpc-hello-bin"
	protocolVersion = 2
	healthCheck     = "/grpc.health.v1.Health/Check" // open to all: a probe has no secrets
)

// caller is what is known of who makes a request, before it says which worker it is.
type caller struct {
	identity string
	address  string
	names    []string        // the only workers that it can be; nil if it has not been asked for a certificate
	proved   *handshake.Peer // the only worker that it can be, by its token; nil if it has given the secret, or none
}

type callerKey struct{}

// authenticate checks a request before anything else is done for it.
func (a *Agent) authenticate(ctx context.Context, method string) (context.Context, error) {
	if method == healthCheck {
		return ctx, nil
	}
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil, failure(codes.Unauthenticated, "no connection")
	}
	c := &caller{address: p.Addr.String()}
	info, _ := p.AuthInfo.(connInfo)
	state, overTLS := info.tlsState()
	if len(state.PeerCertificates) > 0 {
		leaf := state.PeerCertificates[0]
		c.identity = leaf.Subject.String()
		c.names = append([]string{}, certNames(leaf)...)
	}
	if a.config.Token != nil {
		if c.proved = info.proved; c.proved == nil {
			if err := a.config.Token.checkBearer(ctx, overTLS); err != nil {
				return nil, err
			}
		}
		if c.identity == "" {
			c.identity = "token"
		}
	}
	if info.guest != nil {
		info.guest.admit()
	}
	return context.WithValue(ctx, callerKey{}, c), nil
}

// tap checks a request when its headers are there: before a stream, or any room for what it may send, exists.
func (a *Agent) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	known, err := a.authenticate(ctx, info.FullMethodName)
	if err != nil {
		return nil, a.turnAway(ctx, err)
	}
	return known, nil
}

func (a *Agent) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (reply any, err error) {
	defer a.survive(info.FullMethod, &err)
	return next(ctx, req)
}

func (a *Agent) streaming(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	defer a.survive(info.FullMethod, &err)
	return next(srv, stream)
}

// survive makes an error of a panic: no mistake of ours shall let a peer end the process.
func (a *Agent) survive(method string, err *error) {
	if v := recover(); v != nil {
		a.log.Error("agent: a panic while serving", "method", method, "panic", v, "stack", string(debug.Stack()))
		*err = failure(codes.Internal, "panic in %s", method)
	}
}

// seldom lets something happen once a second: what a peer can cause at will must not fill the log.
type seldom struct{ next atomic.Int64 }

func (s *seldom) due() bool {
	now := time.Now().UnixNano()
	next := s.next.Load()
	return now >= next && s.next.CompareAndSwap(next, now+int64(time.Second))
}

// turnAway refuses a request, for the reason given.
func (a *Agent) turnAway(ctx context.Context, err error) error {
	a.count.refused.Add(1)
	if !a.refusals.due() {
		return err
	}
	address := "unknown"
	if p, ok := peer.FromContext(ctx); ok {
		address = p.Addr.String()
	}
	a.log.Warn("agent: a request was refused", "from", address, "err", err)
	return err
}

// identify finds out which worker makes a request, and whether it may be that.
func (a *Agent) identify(ctx context.Context) (*agentpb.Hello, *caller, error) {
	c, ok := ctx.Value(callerKey{}).(*caller)
	if !ok {
		return nil, nil, failure(codes.Unauthenticated, "the request was not authenticated")
	}
	h, err := readHello(metadata.ValueFromIncomingContext(ctx, helloKey))
	if err != nil {
		return nil, nil, a.turnAway(ctx, err)
	}
	if c.names != nil && !slices.Contains(c.names, h.GetName()) && (a.keys == nil || a.keys.mutual) {
		return nil, nil, a.turnAway(ctx, failure(codes.PermissionDenied,
			"the certificate is for %s, not for worker %s: give that worker one of its own name", orNobody(c.names), h.GetName()))
	}
	if p := c.proved; p != nil && (p.Name != h.GetName() || p.Incarnation != h.GetIncarnation()) {
		return nil, nil, a.turnAway(ctx, failure(codes.PermissionDenied,
			"the connection is worker %s's by its token, not worker %s's: it speaks for no other", p.Name, h.GetName()))
	}
	return h, c, nil
}

// readHello checks what a peer says of itself.
func readHello(values []string) (*agentpb.Hello, error) {
	if len(values) != 1 {
		return nil, failure(codes.InvalidArgument, "the metadata %s is missing: this is not an agent", helloKey)
	}
	var h agentpb.Hello
	if err := proto.Unmarshal([]byte(values[0]), &h); err != nil {
		return nil, failure(codes.InvalidArgument, "the metadata %s cannot be read: %w", helloKey, err)
	}
	if h.GetVersion() != protocolVersion {
		return nil, failure(codes.FailedPrecondition, "the peer speaks version %d of the protocol, this worker version %d: "+
			"run the same version of gopyrpc on both sides", h.GetVersion(), protocolVersion)
	}
	if err := checkName(h.GetName()); err != nil {
		return nil, failure(codes.InvalidArgument, "%w", err)
	}
	if h.GetIncarnation() == 0 {
		return nil, failure(codes.InvalidArgument, "the peer has no incarnation")
	}
	return &h, nil
}

// hello is what this agent says of itself.
func (a *Agent) hello(nonce []byte) metadata.MD {
	b, _ := proto.Marshal(&agentpb.Hello{ // of valid strings: it cannot fail
		Version: protocolVersion, Name: a.config.Name, Rank: int32(a.Rank()),
		Incarnation: a.incarnation, MaxMessage: uint64(a.limits.MaxMessage),
		Nonce: nonce, Shared: uint64(max(a.limits.Shared, 0)),
	})
	return metadata.Pairs(helloKey, string(b))
}

func orNobody(names []string) string {
	if len(names) == 0 {
		return "nobody"
	}
	return strings.Join(names, ", ")
}
