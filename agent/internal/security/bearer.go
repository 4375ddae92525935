package security

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
)

// General tools for gRPC do not know the handshake of the tokens. Over TLS, where no third party reads it, they may give
// the secret itself with every request.
const (
	authKey      = "authorization"
	bearer       = "Bearer "
	version1Auth = bearer + "gopyrpc-proof." // what an agent sent as its proof in version 1
)

// checkBearer finds out whether a request on a connection without a handshake comes with the secret. The time it
// takes tells nothing of it, and in clear text it is not even looked at.
func (t *Token) checkBearer(ctx context.Context, overTLS bool) error {
	got := metadata.ValueFromIncomingContext(ctx, authKey)
	switch {
	case len(got) == 1 && strings.HasPrefix(got[0], version1Auth):
		return rpcerr.Errorf(codes.FailedPrecondition, "the peer proves its token as in version 1 of the protocol, which whoever hears it can repeat; "+
			"this worker speaks version %d: run the same version of gopyrpc on both sides", ProtocolVersion)
	case len(got) != 1 || !strings.HasPrefix(got[0], bearer):
		return rpcerr.Errorf(codes.Unauthenticated, "no token: this worker wants one (Config.Token, --token-file, GOPYRPC_TOKEN_FILE; tools that are no agents "+
			"give the secret in the metadata %s: %s…, over TLS)", authKey, bearer)
	case !overTLS:
		return rpcerr.Errorf(codes.Unauthenticated, "a token in clear text, where others may read it, is not taken, on this machine neither: "+
			"call with an agent (gopyrpc call --token-file), which proves that it has the token and does not send it, or over TLS")
	}
	k, err := t.load()
	if err != nil {
		return rpcerr.Errorf(codes.Internal, "this worker cannot read its token")
	}
	a, b := sha256.Sum256([]byte(k.secret)), sha256.Sum256([]byte(strings.TrimPrefix(got[0], bearer)))
	if k.secret == "" || subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
		return rpcerr.Errorf(codes.Unauthenticated, "wrong token")
	}
	return nil
}
