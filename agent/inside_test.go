package agent

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// What is here is what the tests inside the package use of the helpers that the others have (helpers_test.go, raw_test.go,
// rref_test.go). It goes when those tests are in rooms of their own.

// patience is how long a test waits for what must happen. It is no measure of anything.
const patience = 60 * time.Second

// pollInterval is how often a test looks whether it has happened.
const pollInterval = 10 * time.Millisecond

// The sizes in bytes from which on a body goes through shared memory, and a reply is copied apart.
const (
	shareFrom = 32 << 10
	copyAside = 1 << 20
)

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// echo answers with what was asked.
var echo = ExecutorFunc(func(_ context.Context, req Request) (Reply, error) { return Reply{Body: req.Body}, nil })

const streamOnly = "stream"

// bothWays runs a test with workers that share memory, and with such as have the stream alone.
func bothWays(t *testing.T, test func(t *testing.T)) {
	t.Run("ring", test)
	t.Run(streamOnly, test)
}

// start makes agents that know each other and serve until the test ends. The configurations need not have ranks.
func start(t testing.TB, configs ...Config) []*Agent {
	t.Helper()
	var peers []Worker
	for i := range configs {
		if configs[i].Listener == nil {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			configs[i].Listener = l
		}
		configs[i].Rank = i
		peers = append(peers, Worker{configs[i].Name, i, configs[i].Listener.Addr().String()})
	}
	agents := make([]*Agent, len(configs))
	for i, c := range configs {
		if c.Peers == nil {
			c.Peers = peers
		}
		agents[i] = startOne(t, c)
	}
	return agents
}

// startOne makes an agent that serves until the test ends.
func startOne(t testing.TB, c Config) *Agent {
	t.Helper()
	if c.Executor == nil {
		c.Executor = echo
	}
	if strings.Contains(t.Name(), "/"+streamOnly) {
		c.Limits.Shared = -1
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	a, err := New(c)
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- a.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_, _ = a.Shutdown(ctx)
		require.NoError(t, <-served)
	})
	return a
}

// pair makes two agents, w0 and w1.
func pair(t testing.TB, serve ExecutorFunc) (*Agent, *Agent) {
	t.Helper()
	agents := start(t, Config{Name: "w0"}, Config{Name: "w1", Executor: serve})
	return agents[0], agents[1]
}

// keeper is an Executor that keeps what it is asked, and adopts what it is called with.
type keeper struct {
	agent    *Agent
	live     *atomic.Int64 // values that were not released
	received chan *RRef
	hold     chan struct{} // if there is one, values wait for it
}

type text struct {
	s    string
	live *atomic.Int64
	once atomic.Bool
}

func (v *text) Fetch(context.Context) (Body, error) { return Bytes([]byte(v.s)), nil }

func (v *text) Release() {
	if !v.once.CompareAndSwap(false, true) {
		panic("released twice")
	}
	v.live.Add(-1)
}

func newText(s string, live *atomic.Int64) *text {
	live.Add(1)
	return &text{s: s, live: live}
}

func (k *keeper) Execute(_ context.Context, req Request) (Reply, error) {
	r, err := k.agent.Adopt(req.Body[0])
	if err != nil {
		return Reply{}, err
	}
	k.received <- r
	return Reply{}, nil
}

func (k *keeper) ExecuteRemote(ctx context.Context, req Request) (Value, error) {
	if k.hold != nil {
		select {
		case <-k.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if s := string(req.Body[0]); s != "fail" {
		return newText(s, k.live), nil
	}
	return nil, errors.New("no such luck")
}

func guestOf(t testing.TB, name string, to *Agent) *Agent {
	t.Helper()
	return startOne(t, Config{Name: name, Rank: 7, Peers: []Worker{{to.Name(), 0, to.Addr().String()}}})
}

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
func dialRaw(t testing.TB, to *Agent, hello *agentpb.Hello) *rawPeer {
	conn := rawConn(t, to.Addr().String())
	b, err := proto.Marshal(hello)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(testContext(t), security.HelloKey, string(b)))
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
