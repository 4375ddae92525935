package agent_test

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// rawPeer speaks the protocol by the generated code alone, as another implementation might, and may break it.
type rawPeer struct {
	t      testing.TB
	conn   *grpc.ClientConn
	stream grpc.BidiStreamingClient[agentpb.Frame, agentpb.Frame]
}

func rawConn(t testing.TB, address string) *grpc.ClientConn {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, a string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", a)
		}))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// dialRaw opens a stream in the name of a worker.
func dialRaw(t testing.TB, to *agent.Agent, hello *agentpb.Hello) *rawPeer {
	return dialRawFor(testContext(t), t, to, hello)
}

// dialRawFor is dialRaw with a stream that ends with ctx.
func dialRawFor(ctx context.Context, t testing.TB, to *agent.Agent, hello *agentpb.Hello) *rawPeer {
	conn := rawConn(t, to.Addr().String())
	b, err := proto.Marshal(hello)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(ctx, security.HelloKey, string(b)))
	t.Cleanup(cancel)
	stream, err := agentpb.NewAgentClient(conn).Connect(ctx)
	require.NoError(t, err)
	return &rawPeer{t, conn, stream}
}

func (p *rawPeer) send(f *agentpb.Frame) { require.NoError(p.t, p.stream.Send(f)) }

func (p *rawPeer) request(id uint64, body string) *agentpb.Frame {
	return &agentpb.Frame{Kind: agentpb.Kind_KIND_REQUEST, Call: id, Method: agentpb.Method_METHOD_CALL,
		Sizes: []uint64{uint64(len(body))}, Data: []byte(body)}
}
