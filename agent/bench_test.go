package agent_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
)

// The process in benchPeer is the other side of the benchmarks: two agents in one process would share a scheduler,
// and wake each other faster than a network does.
const benchPeer = "AGENT_BENCH_PEER"

func TestBenchPeer(t *testing.T) {
	home := os.Getenv(benchPeer)
	if home == "" {
		t.Skip("a benchmark's other process; see BenchmarkCall")
	}
	a, err := agent.New(agent.Config{Name: "w1", Rank: 1, Executor: echo, Peers: []agent.Worker{{"w0", 0, home}}, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	go func() {
		_, err := a.Call(context.Background(), "w0", agent.Request{Body: agent.Bytes([]byte(a.Addr().String()))})
		if err != nil {
			_, _ = a.Shutdown(context.Background())
		}
	}()
	require.NoError(t, a.Serve()) // until it is killed
}

// benchPair starts w1 in a process of its own and returns w0.
func benchPair(b *testing.B) *agent.Agent {
	where := make(chan string, 1)
	var there string // where w1 listens, before it is called
	a, err := agent.New(agent.Config{Name: "w0", Rank: 0, Peers: []agent.Worker{{"w1", 1, "127.0.0.1:1"}}, Logger: slog.New(slog.DiscardHandler),
		Dial: func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", there)
		},
		Executor: agent.ExecutorFunc(func(_ context.Context, r agent.Request) (agent.Reply, error) {
			where <- string(r.Body.Bytes())
			return agent.Reply{}, nil
		})})
	require.NoError(b, err)
	go func() { _ = a.Serve() }()
	peer := exec.Command(os.Args[0], "-test.run=^TestBenchPeer$", "-test.timeout=0")
	peer.Env = append(os.Environ(), benchPeer+"="+a.Addr().String())
	peer.Stderr = os.Stderr
	require.NoError(b, peer.Start())
	b.Cleanup(func() {
		_, _ = a.Shutdown(context.Background())
		_ = peer.Process.Kill()
		var exit *exec.ExitError
		if err := peer.Wait(); err != nil && !errors.As(err, &exit) {
			b.Error(err)
		}
	})
	there = <-where
	_, err = a.Call(context.Background(), "w1", agent.Request{})
	require.NoError(b, err)
	return a
}

func benchCalls(b *testing.B, callers, size int) {
	a := benchPair(b)
	body := agent.Bytes(make([]byte, size))
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for range (b.N + callers - 1 - i) / callers {
				if _, err := a.Call(context.Background(), "w1", agent.Request{Body: body}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkCall(b *testing.B) {
	b.Run("1 caller", func(b *testing.B) { benchCalls(b, 1, 100) })
	b.Run("32 callers", func(b *testing.B) { benchCalls(b, 32, 100) })
	b.Run("1000 callers", func(b *testing.B) { benchCalls(b, 1000, 100) })
	b.Run("1 MiB", func(b *testing.B) { benchCalls(b, 1, 1<<20) })
	b.Run("100 MiB", func(b *testing.B) { benchCalls(b, 1, 100<<20) })
}

func BenchmarkCallSelf(b *testing.B) {
	a, err := agent.New(agent.Config{Name: "w0", Executor: echo})
	require.NoError(b, err)
	defer a.Shutdown(context.Background()) //nolint:errcheck // a benchmark's
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Call(context.Background(), "w0", agent.Request{}); err != nil {
			b.Fatal(err)
		}
	}
}
