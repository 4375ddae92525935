package security

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/handshake"
)

// whyUnproved says why a connection that was made has failed in the handshake of the tokens, and what to do; nil if it
// has not failed in that.
func (d *ClientCredentials) whyUnproved(err error) *rpcerr.Error {
	var e *handshake.Error
	overTLS := d.security.keys != nil
	switch {
	case errors.As(err, &e):
		return d.explainProof(e, overTLS)
	case overTLS || d.security.config.Token == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return endsWhatIsNotTLS(d.address, err)
	}
	return nil
}

func (d *ClientCredentials) explainProof(e *handshake.Error, overTLS bool) *rpcerr.Error {
	self, there := d.security.config.Name, orSomebody(e.Peer)
	switch e.Reason {
	case handshake.Foreign:
		return rpcerr.Errorf(codes.FailedPrecondition, "what listens at %s cannot prove that it has the token: it speaks something else, as gopyrpc before version %d of "+
			"the protocol does (%w): run the same version of gopyrpc on both sides, or correct the address", d.address, ProtocolVersion, e)
	case handshake.NoToken:
		return rpcerr.Errorf(codes.Unauthenticated, "what listens at %s says that it has no token, and this one has: give it one of the same secret "+
			"(Config.Token, --token-file, GOPYRPC_TOKEN_FILE)", d.address)
	case handshake.OtherVersion:
		return rpcerr.Errorf(codes.FailedPrecondition, "what listens at %s speaks version %d of the protocol, this worker version %d: "+
			"run the same version of gopyrpc on both sides", d.address, e.Version, ProtocolVersion)
	case handshake.OtherName:
		return rpcerr.Errorf(codes.FailedPrecondition, "at %s there is %s, not worker %s: correct the address", d.address, there, d.to)
	case handshake.NoSharedKey:
		return rpcerr.Errorf(codes.Unauthenticated, "%s has only a token of its own, and so has worker %s: neither can check the other's, "+
			"so one of them must have the secret", there, self)
	case handshake.WrongProof:
		between := ""
		if overTLS {
			between = ", or something between them takes TLS apart"
		}
		return rpcerr.Errorf(codes.Unauthenticated, "wrong token: worker %s and %s do not have tokens of the same secret, or what listens at %s is another%s",
			self, there, d.address, between)
	case handshake.NoKey:
		return rpcerr.Errorf(codes.Internal, "what listens at %s cannot read its token: its log says why", d.address)
	}
	return rpcerr.Errorf(codes.Unavailable, "the handshake with what listens at %s failed: %w", d.address, e)
}

// whyRefused says the same to the operator of the side that was called.
func (s *Security) whyRefused(err error) error {
	var e *handshake.Error
	if !errors.As(err, &e) {
		return err
	}
	self, there := s.config.Name, orSomebody(e.Peer)
	switch e.Reason {
	case handshake.NoToken:
		return rpcerr.Errorf(codes.Unauthenticated, "%s has a token and wants this worker to prove that it has one too: give it one of the same secret "+
			"(Config.Token, --token-file, GOPYRPC_TOKEN_FILE)", there)
	case handshake.OtherVersion:
		return rpcerr.Errorf(codes.FailedPrecondition, "%s speaks version %d of the protocol, this worker version %d: run the same version of gopyrpc on both sides",
			there, e.Version, ProtocolVersion)
	case handshake.OtherName:
		return rpcerr.Errorf(codes.FailedPrecondition, "%s looks for worker %s, and this is worker %s: correct the address that it has", there, e.Detail, self)
	case handshake.NoSharedKey:
		return rpcerr.Errorf(codes.Unauthenticated, "worker %s has only a token of its own, and so has %s: neither can check the other's, "+
			"so one of them must have the secret", self, there)
	case handshake.WrongProof:
		return rpcerr.Errorf(codes.Unauthenticated, "wrong token: %s and worker %s do not have tokens of the same secret, or somebody stands between them", there, self)
	}
	return err
}

func orSomebody(name string) string {
	if name == "" {
		return "what is there"
	}
	return "worker " + name
}

// endsWhatIsNotTLS is for a connection in clear text that was ended before anything was said.
func endsWhatIsNotTLS(address string, err error) *rpcerr.Error {
	return rpcerr.Errorf(codes.Unavailable, "what listens at %s ends a connection that is not TLS, as a worker with TLS does: "+
		"give TLS to both sides (--tls-ca, --tls-cert, --tls-key; GOPYRPC_TLS_CA, GOPYRPC_TLS_CERT, GOPYRPC_TLS_KEY), or to neither (%w)", address, err)
}

// CheckProved compares the worker that answers on a stream with the worker that has proved itself on the connection. Where
// this worker has a token, a stream without such a proof is refused.
func (s *Security) CheckProved(stream grpc.ClientStream, h *agentpb.Hello) error {
	if s.config.Token == nil {
		return nil
	}
	var proved *handshake.Peer
	if p, ok := peer.FromContext(stream.Context()); ok {
		info, _ := p.AuthInfo.(connInfo)
		proved = info.proved
	}
	switch {
	case proved == nil:
		return rpcerr.Errorf(codes.Unauthenticated, "worker %s answers on a connection on which nobody has proved to have the token", h.GetName())
	case proved.Name != h.GetName():
		return rpcerr.Errorf(codes.Unauthenticated, "worker %s answers on a connection on which worker %s has proved itself", h.GetName(), proved.Name)
	case proved.Incarnation != h.GetIncarnation():
		return rpcerr.Errorf(codes.Unauthenticated, "worker %s answers in another life than the one that it has proved", h.GetName())
	}
	return nil
}

// untilEnd has what is read and written on a connection end with the context; the function that it returns has it go on
// without one.
func untilEnd(ctx context.Context, conn net.Conn) (stop func()) {
	past := time.Unix(1, 0)
	over := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(past) })
	if at, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(at)
	}
	return func() {
		if over() {
			_ = conn.SetDeadline(time.Time{})
		}
	}
}
