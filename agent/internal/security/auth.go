package security

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/tap"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/handshake"
)

const (
	// HelloKey is the metadata in which an agent says who it is.
	HelloKey = "gopyrpc-hello-bin"
	// ProtocolVersion is what two agents must have in common.
	ProtocolVersion = 2

	healthCheck = "/grpc.health.v1.Health/Check" // open to all: a probe has no secrets
)

// Caller is what is known of the peer that makes a request, before it says which worker it is.
type Caller struct {
	// Identity is what the peer has proved: the subject of its certificate, "token", or "" on a listener that asks
	// for nothing.
	Identity string
	Address  string

	names  []string        // the only workers that it can be; nil if it has not been asked for a certificate
	proved *handshake.Peer // the only worker that it can be, by its token; nil if it has given the secret, or none
}

type callerKey struct{}

// WithCaller is the context of a request whose caller is known.
func WithCaller(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// authenticate checks a request before anything else is done for it.
func (s *Security) authenticate(ctx context.Context, method string) (context.Context, error) {
	if method == healthCheck {
		return ctx, nil
	}
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil, rpcerr.Errorf(codes.Unauthenticated, "no connection")
	}
	c := &Caller{Address: p.Addr.String()}
	info, _ := p.AuthInfo.(connInfo)
	state, overTLS := info.tlsState()
	if len(state.PeerCertificates) > 0 {
		leaf := state.PeerCertificates[0]
		c.Identity = leaf.Subject.String()
		c.names = append([]string{}, certNames(leaf)...)
	}
	if s.config.Token != nil {
		if c.proved = info.proved; c.proved == nil {
			if err := s.config.Token.checkBearer(ctx, overTLS); err != nil {
				return nil, err
			}
		}
		if c.Identity == "" {
			c.Identity = "token"
		}
	}
	if info.pending != nil {
		info.pending.Admit()
	}
	return WithCaller(ctx, c), nil
}

// Tap is grpc's tap.ServerInHandle. It checks a request when its headers are there: before a stream, or any room for what
// it may send, exists.
func (s *Security) Tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	known, err := s.authenticate(ctx, info.FullMethodName)
	if err != nil {
		return nil, s.Refuse(ctx, err)
	}
	return known, nil
}

// ErrNamesake is the refusal of a worker that has this worker's name, and was let in otherwise.
var ErrNamesake = errors.New("agent: the worker has this worker's name")

// Identify finds out which worker makes a request, and whether the caller may be that worker.
func (s *Security) Identify(ctx context.Context) (*agentpb.Hello, *Caller, error) {
	c, ok := ctx.Value(callerKey{}).(*Caller)
	if !ok {
		return nil, nil, rpcerr.Errorf(codes.Unauthenticated, "the request was not authenticated")
	}
	h, err := ReadHello(metadata.ValueFromIncomingContext(ctx, HelloKey))
	if err != nil {
		return nil, nil, s.Refuse(ctx, err)
	}
	if !s.mayBe(c.names, h.GetName()) {
		return nil, nil, s.Refuse(ctx, refusedAs("the certificate is for %s, not for worker %s: give that worker one of its own name", orNobody(c.names), h.GetName()))
	}
	if p := c.proved; p != nil && (p.Name != h.GetName() || p.Incarnation != h.GetIncarnation()) {
		return nil, nil, s.Refuse(ctx, refusedAs("the connection is worker %s's by its token, not worker %s's: it speaks for no other", p.Name, h.GetName()))
	}
	if h.GetName() == s.config.Name { // a worker's calls to itself never leave it
		return nil, nil, s.Refuse(ctx, &rpcerr.Error{Code: codes.AlreadyExists, Err: ErrNamesake, Text: fmt.Sprintf(
			"there is a worker named %s already, and it is this one: give each worker a name of its own", h.GetName())})
	}
	return h, c, nil
}

// ReadHello checks what a peer says of itself.
func ReadHello(values []string) (*agentpb.Hello, error) {
	if len(values) != 1 {
		return nil, rpcerr.Errorf(codes.InvalidArgument, "the metadata %s is missing: this is not an agent", HelloKey)
	}
	var h agentpb.Hello
	if err := proto.Unmarshal([]byte(values[0]), &h); err != nil {
		return nil, rpcerr.Errorf(codes.InvalidArgument, "the metadata %s cannot be read: %w", HelloKey, err)
	}
	if h.GetVersion() != ProtocolVersion {
		return nil, rpcerr.Errorf(codes.FailedPrecondition, "the peer speaks version %d of the protocol, this worker version %d: "+
			"run the same version of gopyrpc on both sides", h.GetVersion(), ProtocolVersion)
	}
	if err := handshake.CheckName(h.GetName()); err != nil {
		return nil, rpcerr.Errorf(codes.InvalidArgument, "%w", err)
	}
	if h.GetIncarnation() == 0 {
		return nil, rpcerr.Errorf(codes.InvalidArgument, "the peer has no incarnation")
	}
	return &h, nil
}

// Metadata puts a Hello, whose strings must be valid, in the metadata of a request or a reply.
func Metadata(h *agentpb.Hello) metadata.MD {
	b, _ := proto.Marshal(h) // of valid strings: it cannot fail
	return metadata.Pairs(HelloKey, string(b))
}

func orNobody(names []string) string {
	if len(names) == 0 {
		return "nobody"
	}
	return strings.Join(names, ", ")
}
