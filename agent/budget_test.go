package agent_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// TestLimits_areGivenBack: on one connection, whatever becomes of a request, its place among the requests of the peer and
// its bytes are free afterwards. Ten times as many as the limits allow come one after the other.
func TestLimits_areGivenBack(t *testing.T) {
	const allowed = 4
	limits := agent.Limits{ServingPerPeer: allowed, ReceivePerPeer: 1000}
	agents := start(t, agent.Config{Name: "w0"}, agent.Config{Name: "w1", Limits: limits, Executor: echo})
	p := dialRaw(t, agents[1], &agentpb.Hello{Version: security.ProtocolVersion, Name: "w0", Incarnation: 7, MaxMessage: 1 << 20})
	id := uint64(0)
	answer := func(f *agentpb.Frame) *agentpb.Frame {
		p.send(f)
		reply, err := p.stream.Recv()
		require.NoError(t, err)
		require.Equal(t, f.Call, reply.Call)
		return reply
	}
	next := func(m agentpb.Method, body string) *agentpb.Frame {
		id++
		f := p.request(id, body)
		f.Method = m
		if body == "" {
			f.Sizes = nil
		}
		return f
	}
	reference := &agentpb.Frame_Reference{Reference: &agentpb.Reference{Rref: &agentpb.Id{Rank: 1, Local: 1}, Fork: &agentpb.Id{Local: 1}, Incarnation: 1}}
	for range 10 * allowed {
		for _, m := range []agentpb.Method{agentpb.Method_METHOD_RREF_FORK, agentpb.Method_METHOD_RREF_DELETE, agentpb.Method_METHOD_FETCH, 77} {
			f := next(m, "")
			f.Detail = reference
			reply := answer(f)
			require.Equal(t, agentpb.Kind_KIND_FAILURE, reply.Kind)
			require.NotEqual(t, uint32(codes.ResourceExhausted), uint32(reply.GetStatus().GetCode()), "%v: %v", m, reply)
		}
		remote := next(agentpb.Method_METHOD_REMOTE, string(make([]byte, 500))) // of an executor that keeps no values
		remote.Detail = reference
		require.Equal(t, agentpb.Kind_KIND_FAILURE, answer(remote).Kind)
		require.Equal(t, agentpb.Kind_KIND_REPLY, answer(next(agentpb.Method_METHOD_CALL, string(make([]byte, 500)))).Kind)
	}
	assert.Eventually(t, func() bool { return agents[1].Stats().IncomingBytes == 0 }, patience, pollInterval) // after the reply is written
}
