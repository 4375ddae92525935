package agent

import (
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// What is here plays what two lives of a worker do in an order that a network cannot be made to bring about.

// The arrival of a former life may be dealt with after the present one's: their streams are served side by side.
func TestLease_arrivalsInTheWrongOrder(t *testing.T) {
	a := start(t, Config{Name: "w0"}, Config{Name: "w1"})[0]
	for _, life := range []uint64{1, 2} {
		assert.ErrorIs(t, service{agent: a}.Connect(newFakeStream(t, t.Context(), "w1", life, io.EOF)), io.EOF)
	}
	var live atomic.Int64
	r, err := a.NewRRef(newText("v", &live), nil)
	require.NoError(t, err)
	present := &Peer{Name: "w1", Rank: 1, incarnation: 2}
	fork, err := r.Fork(t.Context(), "w1")
	require.NoError(t, err)
	var given agentpb.Fork
	require.NoError(t, proto.Unmarshal(fork, &given))
	ref := given.GetReference()
	_, err = a.rrefs.serveFetch(t.Context(), present, ref)
	require.NoError(t, err)
	_, err = a.rrefs.serveFetch(t.Context(), &Peer{Name: "w1", Rank: 1, incarnation: 1}, ref)
	assert.Equal(t, codes.PermissionDenied, status.Code(err), "%v", err)
	r.Release()
	a.rrefs.arrived("w1", 1)
	assert.EqualValues(t, 1, live.Load())
	assert.Equal(t, map[string]uint64{"w1": 2}, a.rrefs.incarnations)
	require.NoError(t, a.rrefs.serveDelete(present, ref))
	assert.Zero(t, live.Load())
}

// A fork that is entered twice leaves no count behind that is wrong.
func TestLease_forkEnteredTwice(t *testing.T) {
	a := start(t, Config{Name: "w0"}, Config{Name: "w1"})[0]
	o, err := a.rrefs.create(rrefID{1, 1})
	require.NoError(t, err)
	ref := &agentpb.Reference{Rref: o.id.proto(), Fork: rrefID{1, 2}.proto()}
	a.rrefs.share(o, ref, hold{"w2", 1}, 2)
	a.rrefs.share(o, ref, hold{"w1", 1}, 1)
	assert.Equal(t, 1, a.rrefs.holders["w1"].holds)
	a.rrefs.dropFork(o, rrefID{1, 2})
	assert.Empty(t, a.rrefs.holders)
	a.rrefs.provide(o, nil, nil)
}

// twoWorkers are w0, which makes values that are counted, and w1, which has had one made there.
func twoWorkers(t *testing.T) (w0, w1 *Agent, user *RRef, live *atomic.Int64) {
	live = new(atomic.Int64)
	agents := start(t, Config{Name: "w0", Executor: &keeper{live: live}}, Config{Name: "w1"})
	return agents[0], agents[1], remoteAt(t, agents[1], "w0"), live
}

// remoteAt has a value made at a worker, which knows of it then.
func remoteAt(t *testing.T, from *Agent, to string) *RRef {
	r, err := from.Remote(testContext(t), to, Request{Body: Bytes([]byte("v"))}, nil)
	require.NoError(t, err)
	require.NoError(t, r.WaitConfirmed(testContext(t)))
	_, err = r.ToHere(testContext(t)) // it is made
	require.NoError(t, err)
	return r
}

// A former life is refused where it would hold what nobody releases.
func TestLease_formerLifeHoldsNothing(t *testing.T) {
	w0, w1, user, live := twoWorkers(t)
	former := &Peer{Name: "w1", Rank: 1, incarnation: w1.incarnation}
	require.EqualValues(t, 1, live.Load())
	w0.rrefs.arrived("w1", w1.incarnation+1)
	released := func() bool { return live.Load() == 0 }
	require.Eventually(t, released, patience, time.Millisecond)
	own, err := w0.NewRRef(newText("v", live), nil)
	require.NoError(t, err)
	ref := own.reference()
	assert.ErrorContains(t, w0.rrefs.serveFork(former, ref), "another worker named w1 has come since")
	ref = user.reference()
	ref.Rref.Local, ref.Fork.Local = 102, 101
	assert.NoError(t, w0.rrefs.serveRemote(former, ref, Bytes([]byte("v"))))
	require.NoError(t, w0.activity.WaitEmpty(testContext(t))) // the value has been made
	own.Release()
	require.Eventually(t, released, patience, time.Millisecond)
	assert.Zero(t, w0.Stats().RRefsOwned)
}

// A worker may return after it was seen to be silent and before its references are released: it keeps them.
func TestLease_returnsWhileItLapses(t *testing.T) {
	w0, w1, _, live := twoWorkers(t)
	table := w0.rrefs
	table.mu.Lock()
	table.holders["w1"].heard = time.Now().Add(-2 * w0.config.RRefLease)
	table.mu.Unlock()
	table.arrived("w1", w1.incarnation)
	remoteAt(t, w1, "w0")
	assert.False(t, table.lapse("w1"))
	assert.EqualValues(t, 2, live.Load())
	assert.Empty(t, table.lapsed)
}
