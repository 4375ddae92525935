package agent_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// A request that has a body where its method has none is a violation: the memory that it would be lent in would stay so.
func TestProtocol_bodyWhereThereIsNone(t *testing.T) {
	for method := range agentpb.Method_name {
		m := agentpb.Method(method)
		switch m {
		case agentpb.Method_METHOD_UNSPECIFIED, agentpb.Method_METHOD_CALL, agentpb.Method_METHOD_REMOTE:
			continue
		}
		a := start(t, agent.Config{Name: "w0"}, agent.Config{Name: "w1"})[0]
		p := dialRaw(t, a, &agentpb.Hello{Version: security.ProtocolVersion, Name: "w1", Incarnation: 1, MaxMessage: 1 << 20})
		f := p.request(1, "a body")
		f.Method = m
		p.send(f)
		_, err := p.stream.Recv()
		assert.Equal(t, codes.InvalidArgument, status.Code(err), "%v: %v", m, err)
		assert.ErrorContains(t, err, "a body with")
	}
}

// Every method of the wire is served, a guest may ask for calls alone, and other numbers are no method.
func TestProtocol_methods(t *testing.T) {
	a := start(t, agent.Config{Name: "w0", Guests: []string{"cli"}}, agent.Config{Name: "w1"})[0]
	enter := func(name string) *rawUser {
		return &rawUser{rawPeer: dialRaw(t, a, &agentpb.Hello{Version: security.ProtocolVersion, Name: name, Rank: 1, Incarnation: 1, MaxMessage: 1 << 20})}
	}
	worker, guest := enter("w1"), enter("cli")
	ask := func(u *rawUser, m agentpb.Method) codes.Code {
		_, failed := u.exchange(&agentpb.Frame{Method: m})
		return codes.Code(failed.GetCode())
	}
	numbers := []agentpb.Method{-1, agentpb.Method(len(agentpb.Method_name)), 1 << 30}
	for number := range agentpb.Method_name {
		numbers = append(numbers, agentpb.Method(number))
	}
	for _, m := range numbers {
		_, known := agentpb.Method_name[int32(m)]
		known = known && m != agentpb.Method_METHOD_UNSPECIFIED
		assert.Equal(t, !known, ask(worker, m) == codes.Unimplemented, "%v", m)
		want := codes.PermissionDenied
		if m == agentpb.Method_METHOD_CALL {
			want = codes.OK
		}
		assert.Equal(t, want, ask(guest, m), "%v", m)
	}
}
