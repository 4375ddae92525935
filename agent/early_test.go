package agent

import (
	"context"
	"errors"
	"net"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// fakeStream is the server's side of a stream whose peer is nobody: nothing arrives, and every write fails with broken.
type fakeStream struct {
	grpc.BidiStreamingServer[agentpb.Frame, agentpb.Frame]
	ctx    context.Context
	broken error
}

func (f *fakeStream) Context() context.Context     { return f.ctx }
func (f *fakeStream) SendHeader(metadata.MD) error { return f.broken }
func (f *fakeStream) SendMsg(any) error            { return f.broken }
func (f *fakeStream) RecvMsg(any) error            { return f.broken }

// newFakeStream is a stream that the named worker has opened and been authenticated for.
func newFakeStream(t *testing.T, ctx context.Context, name string, incarnation uint64, broken error) *fakeStream {
	return fakeStreamOf(t, ctx, &agentpb.Hello{Name: name, Incarnation: incarnation, MaxMessage: 1 << 20}, broken)
}

// fakeStreamOf is newFakeStream with all that the worker says of itself.
func fakeStreamOf(t *testing.T, ctx context.Context, h *agentpb.Hello, broken error) *fakeStream {
	h.Version = security.ProtocolVersion
	hello, err := proto.Marshal(h)
	require.NoError(t, err)
	ctx = metadata.NewIncomingContext(ctx, metadata.Pairs(security.HelloKey, string(hello)))
	ctx = peer.NewContext(ctx, &peer.Peer{Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}})
	return &fakeStream{ctx: security.WithCaller(ctx, &security.Caller{Address: "127.0.0.1:1"}), broken: broken}
}

// childrenOf counts the contexts that a cancellable one keeps until they end, or it does.
func childrenOf(t *testing.T, ctx context.Context) int {
	children := reflect.ValueOf(ctx).Elem().FieldByName("children")
	require.True(t, children.IsValid(), "package context has changed: a cancellable context has no children")
	return children.Len()
}

// A stream that ends before it is served leaves nothing behind, however it ends.
func TestConnect_earlyEndsLeaveNothing(t *testing.T) {
	a := start(t, Config{Name: "w0", Guests: []string{"cli"}}, Config{Name: "w1"})[0]
	gone := errors.New("the peer has gone")
	connect := func(ctx context.Context, name string, incarnation uint64) error {
		return service{agent: a}.Connect(newFakeStream(t, ctx, name, incarnation, gone))
	}
	for incarnation := range uint64(2) { // so that the first one is a life that is over
		require.ErrorIs(t, connect(t.Context(), "w1", 1+incarnation), gone)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name        string
		ctx         context.Context
		worker      string
		incarnation uint64
		code        codes.Code
	}{
		{"a former life of a worker", t.Context(), "w1", 1, codes.AlreadyExists},
		{"nobody of the group", t.Context(), "w9", 1, codes.PermissionDenied},
		{"a worker that has gone", t.Context(), "w1", 2, codes.Unknown},
		{"a guest that has gone", t.Context(), "cli", 1, codes.Unknown},
		{"a stream that was reset", ended, "w1", 2, codes.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := childrenOf(t, a.serveCtx)
			for range 10 {
				err := connect(c.ctx, c.worker, c.incarnation)
				require.Equal(t, c.code, status.Code(err), "%v", err)
			}
			assert.Equal(t, before, childrenOf(t, a.serveCtx), "contexts of streams that have ended are kept")
		})
	}
}
