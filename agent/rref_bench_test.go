package agent_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
)

// BenchmarkRRef is what RRefs cost two agents in one process. The time of the processor is what to compare on a machine that has
// other things to do.
func BenchmarkRRef(b *testing.B) {
	var live atomic.Int64
	ks := make([]*keeper, 3)
	var configs []agent.Config
	for i := range ks {
		ks[i] = &keeper{live: &live, received: make(chan *agent.RRef, 1)}
		configs = append(configs, agent.Config{Name: []string{"w0", "w1", "w2"}[i], Executor: ks[i], Logger: slog.New(slog.DiscardHandler)})
	}
	agents := start(b, configs...)
	for i, k := range ks {
		k.agent = agents[i]
	}
	ctx := context.Background()
	remote := func() *agent.RRef {
		r, err := agents[0].Remote(ctx, "w1", agent.Request{Body: agent.Bytes([]byte("v"))}, nil)
		require.NoError(b, err)
		return r
	}
	ask := func(r *agent.RRef) {
		_, err := r.ToHere(ctx)
		require.NoError(b, err)
	}
	pass := func(from *agent.Agent, r *agent.RRef, to int) {
		fork, err := r.Fork(ctx, agents[to].Name())
		require.NoError(b, err)
		_, err = from.Call(ctx, agents[to].Name(), agent.Request{Body: agent.Bytes(fork)})
		require.NoError(b, err)
		got := <-ks[to].received
		require.NoError(b, got.WaitConfirmed(ctx))
		got.Release()
	}
	far := remote()
	ask(far)
	own, err := agents[0].NewRRef(newText("own", &live), nil)
	require.NoError(b, err)
	for _, bench := range []struct {
		name string
		op   func()
	}{
		{"new", func() {
			r, err := agents[0].NewRRef(newText("v", &live), nil)
			require.NoError(b, err)
			r.Release()
		}},
		{"to_here", func() { ask(far) }},
		{"remote", func() { r := remote(); ask(r); r.Release() }},
		{"from its owner", func() { pass(agents[0], own, 1) }},
		{"back to its owner", func() { pass(agents[0], far, 1) }},
		{"from user to user", func() { pass(agents[0], far, 2) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			before := processorTime(b)
			for b.Loop() {
				bench.op()
			}
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
	far.Release()
	own.Release()
}

func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
