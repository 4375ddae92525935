package security_test

import (
	"context"
	"log/slog"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

func newSecurity(t *testing.T, token *security.Token) *security.Security {
	t.Helper()
	s, err := security.New(security.Config{
		Name: "w0", Token: token, Logger: slog.New(slog.DiscardHandler), Exposure: security.Exposure{Listener: &net.UnixAddr{}},
	})
	require.NoError(t, err)
	return s
}

// TestIdentify_ownName: a worker's calls to itself never leave it, so a peer of its name is somebody else.
func TestIdentify_ownName(t *testing.T) {
	s := newSecurity(t, nil)
	for name, want := range map[string]codes.Code{"w0": codes.AlreadyExists, "w1": codes.OK} {
		hello := security.Metadata(&agentpb.Hello{Version: security.ProtocolVersion, Name: name, Incarnation: 1})
		ctx := peer.NewContext(metadata.NewIncomingContext(context.Background(), hello), &peer.Peer{Addr: &net.UnixAddr{}})
		ctx, err := s.Tap(ctx, &tap.Info{FullMethodName: agentpb.Agent_Connect_FullMethodName})
		require.NoError(t, err)
		_, _, err = s.Identify(ctx)
		assert.Equal(t, want, status.Code(err), "%s: %v", name, err)
	}
}

// silentStream is a stream on a connection of which nothing is known.
type silentStream struct{ grpc.ClientStream }

func (silentStream) Context() context.Context { return context.Background() }

// TestCheckProved_nothingProved: a worker that has a token believes no answer on a connection on which nothing was proved.
func TestCheckProved_nothingProved(t *testing.T) {
	hello := &agentpb.Hello{Version: security.ProtocolVersion, Name: "w1", Incarnation: 1}
	assert.NoError(t, newSecurity(t, nil).CheckProved(silentStream{}, hello))
	err := newSecurity(t, &security.Token{Value: "correct horse battery staple"}).CheckProved(silentStream{}, hello)
	assert.Equal(t, codes.Unauthenticated, status.Code(err), "%v", err)
}
