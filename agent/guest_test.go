package agent_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

func guestOf(t testing.TB, name string, to *agent.Agent) *agent.Agent {
	t.Helper()
	return startOne(t, agent.Config{Name: name, Rank: 7, Peers: []agent.Worker{{to.Name(), 0, to.Addr().String()}}})
}

func TestGuests_mayCall(t *testing.T) {
	who := agent.ExecutorFunc(func(ctx context.Context, _ agent.Request) (agent.Reply, error) {
		p, _ := agent.PeerFrom(ctx)
		return agent.Reply{Body: agent.Bytes(fmt.Append(nil, p.Name, p.Rank, p.Allow))}, nil
	})
	host := start(t, agent.Config{
		Name: "w0", Executor: who, Guests: []string{"cli"}, Policy: &agent.Policy{Workers: map[string][]string{"cli": {"math"}}},
	})[0]
	first, second := guestOf(t, "cli", host), guestOf(t, "cli", host)
	for range 3 { // by turns: neither ends the other's connection
		for _, guest := range []*agent.Agent{first, second} {
			reply, err := guest.Call(testContext(t), "w0", agent.Request{})
			require.NoError(t, err)
			assert.Equal(t, "cli-1 [math]", string(reply.Body.Bytes()))
		}
	}

	_, err := guestOf(t, "stranger", host).Call(testContext(t), "w0", agent.Request{})
	assert.Equal(t, codes.PermissionDenied, status.Code(err), "%v", err)
}

func TestGuests_haveNoRRefsAndNoSayInJoins(t *testing.T) {
	host := start(t, agent.Config{Name: "w0", Executor: &keeper{}, Guests: []string{"cli"}})[0]
	guest := guestOf(t, "cli", host)
	r, err := guest.Remote(testContext(t), "w0", agent.Request{Body: agent.Bytes([]byte("x"))}, nil)
	if err == nil {
		err = r.WaitConfirmed(testContext(t))
	}
	assert.Equal(t, codes.PermissionDenied, status.Code(err), "%v", err)
	assert.ErrorContains(t, err, "cli is a guest here")
	assert.Zero(t, host.Stats().RRefsOwned)

	_, err = guest.Shutdown(testContext(t))
	require.NoError(t, err)
	_, err = host.Join(testContext(t)) // waits for no guest
	require.NoError(t, err)
}

// A guest does not become a worker by coming while the group meets.
func TestGuests_areNoMembers(t *testing.T) {
	configs := meetAt(t, 2, 0)
	configs[0].Guests = []string{"cli"}
	host := startMeeting(t, configs...)[0]
	_, err := joinRaw(t, host, &agentpb.Member{Name: "cli", Rank: 1, Address: "127.0.0.1:1"}, 2)
	assert.Equal(t, codes.PermissionDenied, status.Code(err), "%v", err)
	assert.ErrorContains(t, err, "cli is a guest here (Config.Guests, --guest): it may call, and nothing else; a worker needs another name")
}

func TestGuests_badName(t *testing.T) {
	_, err := agent.New(agent.Config{Name: "w0", Executor: echo, Guests: []string{"a b"}})
	assert.ErrorContains(t, err, `Config.Guests: "a b" is no name for a worker`)
}
