package agent

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What is here is what the tests inside the package use of the helpers that the others have (helpers_test.go, rref_test.go).
// It goes when those tests are in rooms of their own.

// patience is how long a test waits for what must happen. It is no measure of anything.
const patience = 60 * time.Second

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// echo answers with what was asked.
var echo = ExecutorFunc(func(_ context.Context, req Request) (Reply, error) { return Reply{Body: req.Body}, nil })

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
	r, err := k.agent.Adopt(req.Body.Bytes())
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
	if s := string(req.Body.Bytes()); s != "fail" {
		return newText(s, k.live), nil
	}
	return nil, errors.New("no such luck")
}
