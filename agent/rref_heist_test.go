package agent_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

const (
	asFork   = agentpb.Method_METHOD_RREF_FORK
	asAccept = agentpb.Method_METHOD_RREF_ACCEPT
	asDelete = agentpb.Method_METHOD_RREF_DELETE
	asFetch  = agentpb.Method_METHOD_FETCH
	asRemote = agentpb.Method_METHOD_REMOTE
)

// rawUser is a worker that speaks of RRefs on the wire, and may lie.
type rawUser struct {
	*rawPeer
	calls uint64
}

func (u *rawUser) ask(m agentpb.Method, ref *agentpb.Reference) (string, *agentpb.Status) {
	f := &agentpb.Frame{Method: m, Detail: &agentpb.Frame_Reference{Reference: proto.Clone(ref).(*agentpb.Reference)}}
	if m == asRemote {
		f.Sizes, f.Data = []uint64{1}, []byte("r")
	}
	return u.exchange(f)
}

func (u *rawUser) call(body []byte) *agentpb.Status {
	_, failed := u.exchange(&agentpb.Frame{Method: agentpb.Method_METHOD_CALL, Sizes: []uint64{uint64(len(body))}, Data: body})
	return failed
}

func (u *rawUser) exchange(f *agentpb.Frame) (string, *agentpb.Status) {
	u.t.Helper()
	u.calls++
	f.Kind, f.Call = agentpb.Kind_KIND_REQUEST, u.calls
	u.send(f)
	for {
		got, err := u.stream.Recv()
		require.NoError(u.t, err)
		switch {
		case got.GetCall() != u.calls:
		case got.GetKind() == agentpb.Kind_KIND_REPLY:
			return string(got.GetData()), nil
		case got.GetKind() == agentpb.Kind_KIND_FAILURE:
			return "", got.GetStatus()
		}
	}
}

func (u *rawUser) may(m agentpb.Method, ref *agentpb.Reference) string {
	u.t.Helper()
	got, failed := u.ask(m, ref)
	require.Nil(u.t, failed)
	return got
}

func (u *rawUser) mayNot(m agentpb.Method, ref *agentpb.Reference) string {
	u.t.Helper()
	got, failed := u.ask(m, ref)
	require.NotNil(u.t, failed, "%v gave %q", m, got)
	assert.Equal(u.t, codes.PermissionDenied, codes.Code(failed.GetCode()), "%v", failed)
	return failed.GetMessage()
}

// heist is an owner, w0, an honest user, w1, and two workers, w2 and w3, and a guest, of which nobody knows what they will say.
type heist struct {
	t       *testing.T
	agents  []*agent.Agent
	ks      []*keeper
	live    atomic.Int64
	secret  *agent.RRef // of w0, which nobody was given
	shared  *agent.RRef // of w0, which w1 was given
	honest  *agent.RRef // w1's
	w2, w3  *rawUser
	fork2   *agentpb.Reference // of shared, w2's
	counter uint64
}

func newHeist(t *testing.T) *heist {
	h := &heist{t: t}
	configs := []agent.Config{{Name: "w0", Guests: []string{"cli"}}, {Name: "w1", Guests: []string{"cli"}}}
	for i := range configs {
		h.ks = append(h.ks, &keeper{live: &h.live, received: make(chan *agent.RRef, 100)})
		configs[i].Executor = h.ks[i]
	}
	absent := func(i int) agent.Config { return agent.Config{Name: fmt.Sprintf("w%d", i)} }
	h.agents = start(t, append(configs, absent(2), absent(3))...)
	for i, k := range h.ks {
		k.agent = h.agents[i]
	}
	var err error
	h.secret, err = h.agents[0].NewRRef(newText("secret", &h.live), nil)
	require.NoError(t, err)
	h.shared, err = h.agents[0].NewRRef(newText("shared", &h.live), nil)
	require.NoError(t, err)
	h.honest = give(t, h.agents[0], h.shared, h.ks[1])
	h.w2, h.w3 = h.enter(0, "w2", 2), h.enter(0, "w3", 3)
	h.fork2 = h.forkFor(h.shared, "w2")
	return h
}

// enter opens a stream.
func (h *heist) enter(to int, name string, incarnation uint64) *rawUser {
	u := &rawUser{rawPeer: dialRaw(h.t, h.agents[to], &agentpb.Hello{Version: security.ProtocolVersion, Name: name, Rank: 2, Incarnation: incarnation, MaxMessage: 1 << 20})}
	_, err := u.stream.Header()
	require.NoError(h.t, err)
	return u
}

func (h *heist) forkFor(r *agent.RRef, to string) *agentpb.Reference {
	fork, err := r.Fork(testContext(h.t), to)
	require.NoError(h.t, err)
	return readFork(h.t, fork).GetReference()
}

// word is a fork, of w2's for a worker, as the wire's description has it.
func (h *heist) word(of *agentpb.Reference, to string, change ...func(*agentpb.Reference)) *agentpb.Reference {
	h.counter++
	ref := proto.Clone(of).(*agentpb.Reference)
	ref.Fork = &agentpb.Id{Rank: 2, Local: 1000 + h.counter}
	ref.Grant = &agentpb.Grant{Parent: of.GetFork(), Serial: h.counter}
	ref.Secret = random(16)
	for _, f := range change {
		f(ref)
	}
	b := []byte("gopyrpc.agent.v1 fork\x00")
	b = binary.BigEndian.AppendUint64(b, ref.GetIncarnation())
	for _, id := range []*agentpb.Id{ref.GetRref(), ref.GetGrant().GetParent(), ref.GetFork()} {
		b = binary.BigEndian.AppendUint32(b, uint32(id.GetRank()))
		b = binary.BigEndian.AppendUint64(b, id.GetLocal())
	}
	b = binary.BigEndian.AppendUint64(b, ref.GetGrant().GetSerial())
	mac := hmac.New(sha256.New, of.GetSecret())
	mac.Write(append(b, to...))
	ref.Grant.Proof = mac.Sum(nil)
	return ref
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// showing is a reference with another secret.
func showing(ref *agentpb.Reference, secret []byte) *agentpb.Reference {
	ref = proto.Clone(ref).(*agentpb.Reference)
	ref.Secret = secret
	return ref
}

// unharmed checks that w1 still has the value when it is the last that has it, and that nobody has the secret one.
func (h *heist) unharmed() {
	h.t.Helper()
	hereIs(h.t, h.secret, "secret")
	h.shared.Release()
	hereIs(h.t, h.honest, "shared")
	h.secret.Release()
	assert.Equal(h.t, 1, h.agents[0].Stats().RRefsOwned, "of what nobody was given nothing is left")
}
