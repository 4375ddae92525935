package agent_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
)

// openAt makes the configurations of an open group, of which the first hosts.
func openAt(t *testing.T, names ...string) []agent.Config {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	configs := named(len(names), echo)
	for i, name := range names {
		configs[i].Name, configs[i].Rank = name, i
		configs[i].Rendezvous = &agent.Rendezvous{Address: l.Addr().String(), Open: true, Host: i == 0}
	}
	configs[0].Listener = l
	return configs
}

func namesOf(a *agent.Agent) (names []string) {
	for _, w := range a.Workers() {
		names = append(names, w.Name)
	}
	return names
}

// TestOpenGroup: workers come and go; everybody's list is right when a worker has come, and when one has gone, and calls
// to it work at once.
func TestOpenGroup(t *testing.T) {
	configs := openAt(t, "w0", "w1", "w2", "w3")
	ctx := testContext(t)
	var here []*agent.Agent
	for i, c := range configs {
		a := startOne(t, c)
		require.NoError(t, a.WaitReady(ctx))
		here = append(here, a)
		for _, other := range here {
			require.Equal(t, []string{"w0", "w1", "w2", "w3"}[:i+1], namesOf(other))
			for _, w := range other.Workers() {
				_, err := other.Call(ctx, w.Name, agent.Request{})
				require.NoError(t, err, "%s calls %s", other.Name(), w.Name)
			}
		}
	}
	for _, i := range []int{2, 1, 1, 0} {
		a := here[i]
		_, err := a.Join(ctx)
		require.NoError(t, err)
		here = slices.Delete(here, i, i+1)
		for _, other := range here {
			require.NotContains(t, namesOf(other), a.Name())
			_, err := other.Call(ctx, a.Name(), agent.Request{})
			require.ErrorIs(t, err, agent.ErrUnknownWorker)
		}
	}
}

// TestOpenGroup_comesAgain: a worker that has left may come back, with its rank or another's that has gone.
func TestOpenGroup_comesAgain(t *testing.T) {
	configs := openAt(t, "w0", "w1")
	ctx := testContext(t)
	host := startOne(t, configs[0])
	for life := range 3 {
		c := configs[1]
		c.Rank = []int{1, -1, 7}[life]
		a := startOne(t, c)
		require.NoError(t, a.WaitReady(ctx))
		assert.Equal(t, []int{1, 1, 7}[life], a.Rank())
		_, err := host.Call(ctx, "w1", agent.Request{})
		require.NoError(t, err)
		_, err = a.Join(ctx)
		require.NoError(t, err)
		assert.Equal(t, []string{"w0"}, namesOf(host))
	}
	_, err := host.Join(ctx)
	require.NoError(t, err)
}

// TestOpenGroup_refuses: a name or a rank that is taken, and the host's Join while others are there.
func TestOpenGroup_refuses(t *testing.T) {
	configs := openAt(t, "w0", "w1", "w2")
	ctx := testContext(t)
	host, first := startOne(t, configs[0]), startOne(t, configs[1])
	require.NoError(t, first.WaitReady(ctx))
	configs[2].Rank = 1
	require.ErrorContains(t, served(t, configs[2]), "rank 1, which worker w2 wants, is worker w1's")
	configs[2].Name, configs[2].Rank = "w1", 2
	require.ErrorContains(t, served(t, configs[2]), "there is a worker named w1 already")
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err := host.Join(short)
	require.ErrorContains(t, err, "w1 did not join")
	_, err = first.Call(ctx, "w0", agent.Request{})
	require.NoError(t, err, "the host goes on")
	for _, wrong := range []agent.Rendezvous{{Open: true, WorldSize: 2, Address: "x:1"}, {Open: true}} {
		_, err := agent.New(agent.Config{Name: "w9", Executor: configs[0].Executor, Rendezvous: &wrong})
		require.Error(t, err)
	}
}

// served is what Serve of an agent ends with that does not come into its group.
func served(t *testing.T, c agent.Config) error {
	t.Helper()
	a, err := agent.New(c)
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = a.Shutdown(context.Background()) })
	return a.Serve()
}

// TestOpenGroup_atOnce: many come at the same time, call each other, and go.
func TestOpenGroup_atOnce(t *testing.T) {
	names := make([]string, 8)
	for i := range names {
		names[i] = fmt.Sprint("w", i)
	}
	configs := openAt(t, names...)
	ctx := testContext(t)
	host := startOne(t, configs[0])
	left := make(chan error, len(names))
	for _, c := range configs[1:] {
		a := startOne(t, c)
		go func() {
			err := a.WaitReady(ctx)
			for _, w := range a.Workers() {
				_, _ = a.Call(ctx, w.Name, agent.Request{}) // which may be leaving
			}
			if err == nil {
				_, err = a.Join(ctx)
			}
			left <- err
		}()
	}
	for range configs[1:] {
		require.NoError(t, <-left)
	}
	_, err := host.Join(ctx)
	require.NoError(t, err)
}
