package agent_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
)

// patience is how long a test waits for what must happen. It is no measure of anything.
const patience = 60 * time.Second

// pollInterval is how often a test looks whether it has happened.
const pollInterval = 10 * time.Millisecond

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// echo answers with what was asked.
var echo = agent.ExecutorFunc(func(_ context.Context, req agent.Request) (agent.Reply, error) {
	return agent.Reply{Body: req.Body}, nil
})

// logs collects what agents say.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logs) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

const streamOnly = "stream"

// bothWays runs a test with workers that share memory, and with such as have the stream alone.
func bothWays(t *testing.T, test func(t *testing.T)) {
	t.Run("ring", test)
	t.Run(streamOnly, test)
}

// start makes agents that know each other and serve until the test ends. The configurations need not have ranks.
func start(t testing.TB, configs ...agent.Config) []*agent.Agent {
	t.Helper()
	var peers []agent.Worker
	for i := range configs {
		if configs[i].Listener == nil {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			configs[i].Listener = l
		}
		configs[i].Rank = i
		peers = append(peers, agent.Worker{configs[i].Name, i, configs[i].Listener.Addr().String()})
	}
	agents := make([]*agent.Agent, len(configs))
	for i, c := range configs {
		if c.Peers == nil {
			c.Peers = peers
		}
		agents[i] = startOne(t, c)
	}
	return agents
}

// startOne makes an agent that serves until the test ends.
func startOne(t testing.TB, c agent.Config) *agent.Agent {
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
	a, err := agent.New(c)
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
func pair(t testing.TB, serve agent.ExecutorFunc) (*agent.Agent, *agent.Agent) {
	t.Helper()
	agents := start(t, agent.Config{Name: "w0"}, agent.Config{Name: "w1", Executor: serve})
	return agents[0], agents[1]
}

// wires keeps the connections that an agent makes, for tests to cut.
type wires struct {
	mu    sync.Mutex
	conns []net.Conn
	dead  bool
}

func (w *wires) dial(ctx context.Context, address string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		return nil, fmt.Errorf("the cable is unplugged")
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	w.conns = append(w.conns, conn)
	return conn, err
}

// cut closes all connections; with dead, none is made any more.
func (w *wires) cut(dead bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = dead
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

// ringed waits until each of a pair sends to the other through a ring: a's requests and b's replies.
func ringed(t *testing.T, a, b *agent.Agent) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("there are rings on Linux only")
	}
	ctx := testContext(t)
	for a.Stats().Rings == 0 || b.Stats().Rings == 0 {
		_, err := a.Call(ctx, b.Name(), agent.Request{})
		require.NoError(t, err)
	}
}
