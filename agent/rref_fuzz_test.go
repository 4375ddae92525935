package agent_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// Whatever is said of RRefs in a worker's name by who has a reference to one value: it never touches another, and the
// worker that has that one keeps it. Nothing that is made up is adopted at the owner.
func FuzzReference(f *testing.F) {
	a := startOne(f, agent.Config{Name: "w0", Executor: &keeper{live: new(atomic.Int64)},
		Peers: []agent.Worker{{"w1", 1, "127.0.0.1:1"}, {"w2", 2, "127.0.0.1:1"}}})
	var live atomic.Int64
	kept, err := a.NewRRef(newText("kept", &live), nil)
	require.NoError(f, err)
	fork := func(t testing.TB, r *agent.RRef, to string) *agentpb.Fork {
		b, err := r.Fork(context.Background(), to)
		require.NoError(t, err)
		return readFork(t, b)
	}
	honest := fork(f, kept, "w1").GetReference()
	enter := func(name string, rank int32) *rawUser {
		return &rawUser{rawPeer: dialRawFor(f.Context(), f, a, &agentpb.Hello{Version: security.ProtocolVersion, Name: name, Rank: rank, Incarnation: 1 + uint64(rank), MaxMessage: 1 << 20})}
	}
	w1, w2 := enter("w1", 1), enter("w2", 2)
	ask := func(ref *agentpb.Reference) {
		for _, m := range []agentpb.Method{asFetch, asFork, asAccept, asDelete} {
			_, _ = w2.ask(m, ref)
		}
	}
	for _, seed := range []proto.Message{
		honest, &agentpb.Reference{Rref: honest.GetRref(), Fork: &agentpb.Id{Rank: 2, Local: 9}, Incarnation: honest.GetIncarnation(), Secret: make([]byte, 16),
			Grant: &agentpb.Grant{Parent: honest.GetFork(), Serial: 1, Proof: make([]byte, 32)}},
		&agentpb.Fork{Reference: honest, Owner: "w0", Parent: "w1", To: "w0"}, &agentpb.Fork{Reference: honest, Owner: "w0", Parent: "w0", To: "w0"},
		&agentpb.Fork{Reference: honest, Owner: "w1", Parent: "w2", To: "w0"},
	} {
		b, err := proto.Marshal(seed)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		w1.t, w2.t = t, t
		given, err := a.NewRRef(newText("given", &live), nil)
		require.NoError(t, err)
		mine := fork(t, given, "w2").GetReference()
		var ref agentpb.Reference
		if proto.Unmarshal(b, &ref) == nil {
			ask(&ref)
			merged := proto.Clone(mine).(*agentpb.Reference)
			proto.Merge(merged, &ref)
			ask(merged)
		}
		var f agentpb.Fork
		if proto.Unmarshal(b, &f) == nil {
			f.Owner, f.To = "w0", "w0" // where it would be had at once
			if b, err = proto.Marshal(&f); err != nil {
				return
			}
		}
		_, err = a.Adopt(b)
		require.Error(t, err)
		given.Release()
		_, _ = w2.ask(asDelete, mine)

		require.Equal(t, "kept", w1.may(asFetch, honest))
		require.Equal(t, 1, a.Stats().RRefsOwned)
		require.Equal(t, 1, a.RRefTable().Forks)
	})
}
