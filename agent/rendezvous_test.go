package agent_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/testcerts"
)

// meetAt makes the configurations of a group that finds together; the last one hosts, so that the others
// come first.
func meetAt(t *testing.T, size int, ranks ...int) []agent.Config {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	configs := named(len(ranks), echo)
	for i := range configs {
		configs[i].Rank = ranks[i]
		configs[i].Rendezvous = &agent.Rendezvous{Address: l.Addr().String(), WorldSize: size}
	}
	configs[len(ranks)-1].Listener = l
	configs[len(ranks)-1].Rendezvous.Host = true
	return configs
}

func startMeeting(t *testing.T, configs ...agent.Config) []*agent.Agent {
	agents := make([]*agent.Agent, len(configs))
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
			_, err := a.Call(testContext(t), w.Name, agent.Request{})
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
	_, err := agents[0].Call(testContext(t), "w1", agent.Request{})
	assert.NoError(t, err)
}

// joinRaw asks a coordinator for the group, in a worker's name, as a peer does that says what it likes.
func joinRaw(t *testing.T, host *agent.Agent, m *agentpb.Member, size uint32) (*agentpb.Group, error) {
	t.Helper()
	hello, err := proto.Marshal(&agentpb.Hello{Version: security.ProtocolVersion, Name: m.GetName(), Incarnation: 1})
	require.NoError(t, err)
	return agentpb.NewAgentClient(rawConn(t, host.Addr().String())).Rendezvous(
		metadata.AppendToOutgoingContext(testContext(t), security.HelloKey, string(hello)), &agentpb.RendezvousRequest{Member: m, WorldSize: size})
}

// A worker that listens on all addresses is told to the others at the one that it came from.
func TestRendezvous_reachableAddress(t *testing.T) {
	for said, told := range map[string]string{"0.0.0.0:55": "127.0.0.1:55", "[::]:55": "127.0.0.1:55", ":55": "127.0.0.1:55", "127.0.0.9:55": "127.0.0.9:55"} {
		host := startMeeting(t, meetAt(t, 2, 0)...)[0]
		g, err := joinRaw(t, host, &agentpb.Member{Name: "w1", Rank: 1, Address: said}, 2)
		require.NoError(t, err, said)
		assert.Equal(t, told, g.GetMembers()[1].GetAddress(), said)
	}
}

// What a member may not say is refused, also where it comes from something that checks nothing itself.
func TestRendezvous_rawMembers(t *testing.T) {
	host := startMeeting(t, meetAt(t, 3, 0)...)[0]
	_, err := joinRaw(t, host, &agentpb.Member{Name: "x", Rank: 3}, 3)
	assert.Equal(t, codes.InvalidArgument, status.Code(err))
	assert.ErrorContains(t, err, "worker x wants rank 3, the group has ranks 0 to 2")
	_, err = joinRaw(t, host, &agentpb.Member{Name: "x", Rank: 1, Address: strings.Repeat("x", 1<<19)}, 3)
	assert.ErrorContains(t, err, "has 524288 bytes, allowed are 512")
}

// TestOpenGroup_rawMembers: nor does one make the list too large for everybody.
func TestOpenGroup_rawMembers(t *testing.T) {
	host := startOne(t, openAt(t, "w0")[0])
	for _, m := range []*agentpb.Member{
		{Name: "w1", Rank: 1, Address: strings.Repeat("x", 1<<19)},
		unknownField(&agentpb.Member{Name: "w1", Rank: 1, Address: "a:1"}, 1<<19),
	} {
		_, g, err := enterRaw(t, host, m)
		if len(m.GetAddress()) > 3 {
			assert.ErrorContains(t, err, "has 524288 bytes, allowed are 512")
			continue
		}
		require.NoError(t, err)
		assert.Less(t, proto.Size(g), 100)
	}
}

// enterRaw enters an open group, as a peer does that says what it likes.
func enterRaw(t *testing.T, host *agent.Agent, m *agentpb.Member) (agentpb.Agent_MembershipClient, *agentpb.Group, error) {
	t.Helper()
	hello, err := proto.Marshal(&agentpb.Hello{Version: security.ProtocolVersion, Name: m.GetName(), Incarnation: 1})
	require.NoError(t, err)
	ctx := metadata.AppendToOutgoingContext(testContext(t), security.HelloKey, string(hello))
	stream, err := agentpb.NewAgentClient(rawConn(t, host.Addr().String())).Membership(ctx)
	require.NoError(t, err)
	require.NoError(t, stream.Send(&agentpb.MembershipRequest{Member: m}))
	g, err := stream.Recv()
	return stream, g, err
}

// TestOpenGroup_callsToOneThatGoes: a call that waits for a worker ends when that is taken off the list, and says so.
func TestOpenGroup_callsToOneThatGoes(t *testing.T) {
	host := startOne(t, openAt(t, "w0")[0])
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and says nothing
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	stream, _, err := enterRaw(t, host, &agentpb.Member{Name: "w1", Rank: 1, Address: silent.Addr().String()})
	require.NoError(t, err)
	called := make(chan error, 1)
	go func() {
		_, err := host.Call(testContext(t), "w1", agent.Request{})
		called <- err
	}()
	conn, err := silent.Accept() // the call is on its way
	require.NoError(t, err)
	require.NoError(t, stream.CloseSend())
	for err == nil { // until the list is without it
		_, err = stream.Recv()
	}
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, conn.Close())
	require.ErrorContains(t, <-called, "worker w1: it is in the group no longer")
}

func unknownField(m *agentpb.Member, size int) *agentpb.Member {
	m.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, 99, protowire.BytesType), make([]byte, size)))
	return m
}

// A worker that has left a group may be there for the next one while the coordinator, under the same address, is still
// leaving. It is told to try again.
func TestRendezvous_ofTheNextGroup(t *testing.T) {
	configs := meetAt(t, 2, 1, 0)
	agents := startMeeting(t, configs...)
	for _, a := range agents {
		require.NoError(t, a.WaitReady(testContext(t)))
	}
	again := func() error {
		return agents[1].JoinGroup(t.Context(), &agentpb.Member{Name: configs[0].Name, Rank: 1}, 2)
	}
	assert.ErrorContains(t, again(), "already", "a group that stays has no room for another of the name")
	for _, err := range joinAll(testContext(t), agents) {
		assert.NoError(t, err)
	}
	err := again()
	assert.ErrorContains(t, err, "is leaving")
	assert.Equal(t, codes.Unavailable, status.Code(err))
}

func TestRendezvous_whoDoesNotBelongIsTold(t *testing.T) {
	configs := meetAt(t, 3, 1, 0)
	agents := startMeeting(t, configs...)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	missing := func(what string) {
		require.Eventually(t, func() bool { return strings.Contains(agents[1].WaitReady(ended).Error(), what) }, patience, time.Millisecond)
	}
	missing("missing 1 of 3: ranks not taken are 2; here are w0 (rank 1), w1 (rank 0)")
	try := func(name string, rank, size int) error {
		c := agent.Config{Name: name, Rank: rank, Executor: echo, Logger: slog.New(slog.DiscardHandler), Rendezvous: &agent.Rendezvous{Address: configs[0].Rendezvous.Address, WorldSize: size}}
		a, err := agent.New(c)
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
	assert.ErrorContains(t, try("x", -1, 4), "worker x expects 4 workers, the coordinator 3")

	assert.ErrorContains(t, func() error { _, err := agents[0].Call(testContext(t), "w1", agent.Request{}); return err }(), "not known yet")

	_, err := agents[0].Shutdown(testContext(t)) // it goes before the group is complete, and another takes its place
	require.NoError(t, err)
	missing("missing 2 of 3: ranks not taken are 1, 2; here are w1 (rank 0)")
	late := startMeeting(t,
		agent.Config{Name: "w0", Rank: -1, Rendezvous: configs[0].Rendezvous}, agent.Config{Name: "w2", Rank: -1, Rendezvous: configs[0].Rendezvous})
	require.NoError(t, late[0].WaitReady(testContext(t)))
	assert.ErrorContains(t, try("x", -1, 3), "comes too late")
}
