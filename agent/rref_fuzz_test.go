package agent

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// Whatever is said of RRefs in a worker's name by who has a reference to one value: it never touches another, and the
// worker that has that one keeps it. Nothing that is made up is adopted at the owner.
func FuzzReference(f *testing.F) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(f, err)
	a, err := New(Config{Name: "w0", Listener: l, Executor: &keeper{live: new(atomic.Int64)}, Logger: slog.New(slog.DiscardHandler),
		Peers: []Worker{{"w1", 1, "127.0.0.1:1"}, {"w2", 2, "127.0.0.1:1"}}})
	require.NoError(f, err)
	f.Cleanup(func() { _, _ = a.Shutdown(testContext(f)) })
	var live atomic.Int64
	kept, err := a.NewRRef(newText("kept", &live), nil)
	require.NoError(f, err)
	fork := func(t testing.TB, r *RRef, to string) *agentpb.Fork {
		b, err := r.Fork(context.Background(), to)
		require.NoError(t, err)
		return readFork(t, b)
	}
	honest := fork(f, kept, "w1").GetReference()
	w1, w2 := &Peer{Name: "w1", Rank: 1, incarnation: 11}, &Peer{Name: "w2", Rank: 2, incarnation: 22}
	a.rrefs.arrived("w1", 11)
	a.rrefs.arrived("w2", 22)

	ask := func(ref *agentpb.Reference) {
		_, _ = a.rrefs.serveFetch(context.Background(), w2, ref)
		_ = a.rrefs.serveFork(w2, ref)
		_ = a.rrefs.serveAccept(w2, ref)
		_ = a.rrefs.serveDelete(w2, ref)
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
		_ = a.rrefs.serveDelete(w2, mine)

		_, err = a.rrefs.serveFetch(context.Background(), w1, honest)
		require.NoError(t, err)
		a.rrefs.mu.Lock()
		defer a.rrefs.mu.Unlock()
		require.Len(t, a.rrefs.owned, 1)
		require.Len(t, a.rrefs.owned[kept.id].forks, 1)
	})
}
