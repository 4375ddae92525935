package agent

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for what must happen. It is no measure of anything.
const patience = 60 * time.Second

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// echo answers with what was asked.
var echo = ExecutorFunc(func(_ context.Context, req Request) (Reply, error) { return Reply{Body: req.Body}, nil })

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
