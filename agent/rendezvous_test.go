package agent

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/testcerts"
)

// meetAt makes the configurations of a group that finds together; the last one hosts, so that the others
// come first.
func meetAt(t *testing.T, size int, ranks ...int) []Config {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	configs := named(len(ranks), echo)
	for i := range configs {
		configs[i].Rank = ranks[i]
		configs[i].Rendezvous = &Rendezvous{Address: l.Addr().String(), WorldSize: size}
	}
	configs[len(ranks)-1].Listener = l
	configs[len(ranks)-1].Rendezvous.Host = true
	return configs
}

func startMeeting(t *testing.T, configs ...Config) []*Agent {
	agents := make([]*Agent, len(configs))
	for i, c := range configs {
		agents[i] = startOne(t, c)
	}
	return agents
}

func TestRendezvous(t *testing.T) {
	agents := startMeeting(t, meetAt(t, 4, -1, 2, -1, 0)...)
	taken := map[int]bool{}
	for _, a := range agents {
		require.NoError(t, a.WaitReady(testContext(t)))
		taken[a.Rank()] = true
		assert.Equal(t, agents[0].Workers(), a.Workers())
	}
	assert.Len(t, taken, 4)
	assert.Equal(t, 2, agents[1].Rank())
	assert.Equal(t, 0, agents[3].Rank())
	for _, a := range agents {
		for _, w := range a.Workers() {
			_, err := a.Call(testContext(t), w.Name, Request{})
			assert.NoError(t, err)
		}
	}
	for _, err := range joinAll(testContext(t), agents) {
		assert.NoError(t, err)
	}
}

func TestRendezvous_overTLS(t *testing.T) {
	ca := newAuthority(t)
	configs := meetAt(t, 2, 1, 0)
	for i := range configs {
		configs[i].TLS = ca.leaf(configs[i].Name, testcerts.ForName(configs[i].Name))
		configs[i].Rendezvous.Name = "w1"
	}
	agents := startMeeting(t, configs...)
	require.NoError(t, agents[0].WaitReady(testContext(t)))
	_, err := agents[0].Call(testContext(t), "w1", Request{})
	assert.NoError(t, err)
}

func TestRendezvous_whoDoesNotBelongIsTold(t *testing.T) {
	configs := meetAt(t, 3, 1, 0)
	agents := startMeeting(t, configs...)
	here := func(n int) {
		require.Eventually(t, func() bool {
			m := agents[1].meeting
			m.mu.Lock()
			defer m.mu.Unlock()
			return len(m.here) == n
		}, patience, time.Millisecond)
	}
	here(2)
	try := func(name string, rank, size int) error {
		c := Config{Name: name, Rank: rank, Executor: echo, Logger: slog.New(slog.DiscardHandler), Rendezvous: &Rendezvous{Address: configs[0].Rendezvous.Address, WorldSize: size}}
		a, err := New(c)
		require.NoError(t, err)
		served := make(chan error)
		go func() { served <- a.Serve() }()
		err = a.WaitReady(testContext(t))
		assert.Equal(t, err, <-served)
		_, _ = a.Shutdown(testContext(t))
		return err
	}
	assert.ErrorContains(t, try("w0", -1, 3), "there is a worker named w0 already")
	assert.ErrorContains(t, try("x", 1, 3), "rank 1, which worker x wants, is worker w0's")
	_, err := agents[1].meeting.attend(t.Context(), slog.New(slog.DiscardHandler), &agentpb.Member{Name: "x", Rank: 3}, 1, 3)
	assert.ErrorContains(t, err, "the group has ranks 0 to 2")
	assert.ErrorContains(t, try("x", -1, 4), "worker x expects 4 workers, the coordinator 3")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = agents[1].WaitReady(ctx)
	assert.ErrorContains(t, err, "missing 1 of 3: ranks not taken are 2; here are w0 (rank 1), w1 (rank 0)")
	assert.ErrorContains(t, func() error { _, err := agents[0].Call(testContext(t), "w1", Request{}); return err }(), "not known yet")

	_, err = agents[0].Shutdown(testContext(t)) // it goes before the group is complete, and another takes its place
	require.NoError(t, err)
	here(1)
	late := startMeeting(t,
		Config{Name: "w0", Rank: -1, Rendezvous: configs[0].Rendezvous}, Config{Name: "w2", Rank: -1, Rendezvous: configs[0].Rendezvous})
	require.NoError(t, late[0].WaitReady(testContext(t)))
	assert.ErrorContains(t, try("x", -1, 3), "comes too late")
}

// The coordinator says from time to time who is missing.
func TestRendezvous_logsWhoIsMissing(t *testing.T) {
	c := meetAt(t, 2, 0)[0]
	var said logs
	c.Logger = said.logger()
	m := newMeeting(2)
	assert.True(t, m.becomeSpeaker())
	assert.False(t, m.becomeSpeaker(), "one is enough")
	a := startOne(t, c)
	require.Eventually(t, func() bool { return a.meeting.missing() != m.missing() }, patience, time.Millisecond)
	assert.Contains(t, a.meeting.missing(), "1 of 2: ranks not taken are 1; here are w0 (rank 0)")
	assert.Contains(t, said.String(), "a worker has come")
}

// A worker that has left a group may be there for the next one while the coordinator, under the same address, is still
// leaving. It waits then.
func TestRendezvous_ofTheNextGroup(t *testing.T) {
	configs := meetAt(t, 2, 1, 0)
	agents := startMeeting(t, configs...)
	for _, a := range agents {
		require.NoError(t, a.WaitReady(testContext(t)))
	}
	again := func() error {
		_, err := agents[1].meeting.attend(t.Context(), slog.New(slog.DiscardHandler), &agentpb.Member{Name: configs[0].Name, Rank: 1}, 1, 2)
		return err
	}
	assert.ErrorContains(t, again(), "already", "a group that stays has no room for another of the name")
	for _, err := range joinAll(testContext(t), agents) {
		assert.NoError(t, err)
	}
	err := again()
	assert.ErrorContains(t, err, "is leaving")
	assert.True(t, passing(err), "it is to be tried again")
}
