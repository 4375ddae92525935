package agent

import (
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// remote makes a value at a worker.
func (w *world) remote(from *Agent, to string) *RRef {
	r, err := from.Remote(w.t.Context(), to, Request{Body: Bytes([]byte("v"))}, nil)
	require.NoError(w.t, err)
	require.NoError(w.t, r.WaitConfirmed(w.t.Context()))
	return r
}

const (
	lease = 10 * time.Minute
	check = lease / leaseChecks
)

func TestLease_killedUserIsGivenUp(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world, agents []*Agent, _ []*keeper) {
		for range 3 {
			w.remote(agents[1], "w0")
		}
		own, err := agents[0].NewRRef(newText("own", &w.live), nil)
		require.NoError(t, err)
		_, err = own.Fork(t.Context(), "w1") // on its way when the worker is killed
		require.NoError(t, err)
		own.Release()
		w.after(20 * lease)
		assert.EqualValues(t, 4, w.live.Load(), "a worker that says nothing lives")
		w.cut(1)
		w.after(lease - time.Second)
		assert.EqualValues(t, 4, w.live.Load(), "the lease has not run out")
		w.after(check + time.Second)
		assert.Zero(t, w.live.Load())
		assert.Empty(t, agents[0].rrefs.holders)
	})
}

func TestLease_partitionIsNoDeath(t *testing.T) {
	for _, long := range []time.Duration{time.Second, time.Minute, lease - 2*check} {
		t.Run(long.String(), func(t *testing.T) {
			inWorld(t, 2, func(t *testing.T, w *world, agents []*Agent, _ []*keeper) {
				r := w.remote(agents[1], "w0")
				for range 3 {
					w.cut(1)
					w.after(long)
					w.mend(1)
					w.after(2 * check) // it says nothing, and is found
				}
				w.after(3 * lease)
				hereIs(t, r, "v")
				r.Release()
				synctest.Wait()
				assert.Zero(t, w.live.Load())
			})
		})
	}
}

func TestLease_whoComesBackTooLateIsTold(t *testing.T) {
	inWorld(t, 3, func(t *testing.T, w *world, agents []*Agent, ks []*keeper) {
		r, shared := w.remote(agents[1], "w0"), w.remote(agents[1], "w0")
		kept := give(t, agents[1], shared, ks[2])
		require.NoError(t, kept.WaitConfirmed(t.Context()))
		w.cut(1)
		w.after(lease + check)
		assert.EqualValues(t, 1, w.live.Load(), "what another worker holds stays")
		w.mend(1)
		for _, late := range []*RRef{r, shared} {
			_, err := late.ToHere(t.Context())
			assert.ErrorIs(t, err, ErrOwnerGone)
			assert.ErrorContains(t, err, "worker w0 had not heard of worker w1 for 10m")
			assert.ErrorContains(t, err, "the lease of 10m0s (Config.RRefLease, --rref-lease)")
			late.Release()
		}
		hereIs(t, kept, "v")
		hereIs(t, w.remote(agents[1], "w0"), "v")
		kept.Release()
	})
}

// A new life of a user that only is called, and never calls, is found all the same.
func TestLease_newLifeIsFound(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world, agents []*Agent, _ []*keeper) {
		w.remote(agents[1], "w0")
		w.cut(1)
		w.start(1)
		w.mend(1)
		w.after(check)
		assert.Zero(t, w.live.Load())
	})
}

// What is on its way to a worker that is being restarted is the new life's.
func TestLease_forkForTheNextLife(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world, agents []*Agent, _ []*keeper) {
		_, err := agents[0].Call(t.Context(), "w1", Request{Body: Bytes(nil)})
		require.Error(t, err) // no fork, but they have met
		w.cut(1)
		synctest.Wait()
		r, err := agents[0].NewRRef(newText("v", &w.live), nil)
		require.NoError(t, err)
		fork, err := r.Fork(t.Context(), "w1")
		require.NoError(t, err)
		r.Release()
		next, _ := w.start(1)
		w.mend(1)
		_, err = next.Call(t.Context(), "w0", Request{Body: Bytes(nil)})
		require.Error(t, err)
		adopted, err := next.Adopt(fork)
		require.NoError(t, err)
		hereIs(t, adopted, "v")
		adopted.Release()
		synctest.Wait()
		assert.Zero(t, w.live.Load())
	})
}

// A user that has passed its reference on waits for the other to be known; not for one that was killed.
func TestLease_parentOfADeadChild(t *testing.T) {
	for name, end := range map[string]func(w *world){
		"which does not come back": func(w *world) { w.after(lease + check) },
		"which comes back as another": func(w *world) {
			w.start(2)
			w.mend(2)
			w.after(check)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 3, func(t *testing.T, w *world, agents []*Agent, _ []*keeper) {
				r := w.remote(agents[1], "w0")
				_, err := agents[1].Call(t.Context(), "w2", Request{Body: Bytes(nil)})
				require.Error(t, err) // no fork, but they have met
				_, err = r.Fork(t.Context(), "w2")
				require.NoError(t, err)
				r.Release()
				synctest.Wait()
				assert.EqualValues(t, 1, w.live.Load(), "the child may be there")
				w.cut(2)
				end(w)
				assert.Zero(t, w.live.Load())
				assert.Empty(t, agents[1].rrefs.holders)
				assert.Empty(t, agents[1].rrefs.users)
			})
		})
	}
}

// Who adopts what a dead worker has passed on is told why there is no value any more.
func TestLease_adoptionThroughTheDead(t *testing.T) {
	inWorld(t, 3, func(t *testing.T, w *world, agents []*Agent, _ []*keeper) {
		r := w.remote(agents[1], "w0")
		fork, err := r.Fork(t.Context(), "w2")
		require.NoError(t, err)
		w.cut(1)
		w.after(lease + check)
		assert.Zero(t, w.live.Load())
		adopted, err := agents[2].Adopt(fork)
		require.NoError(t, err)
		err = adopted.WaitConfirmed(t.Context())
		assert.ErrorIs(t, err, ErrOwnerGone)
		assert.ErrorContains(t, err, "not heard of for 10m0s")
	})
}

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
	ref := readFork(t, fork).GetReference()
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

// A former life is refused where it would hold what nobody releases.
func TestLease_formerLifeHoldsNothing(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world, agents []*Agent, _ []*keeper) {
		r := w.remote(agents[1], "w0")
		former := &Peer{Name: "w1", Rank: 1, incarnation: agents[1].incarnation}
		agents[0].rrefs.arrived("w1", agents[1].incarnation+1)
		synctest.Wait()
		assert.Zero(t, w.live.Load())
		own, err := agents[0].NewRRef(newText("own", &w.live), nil)
		require.NoError(t, err)
		ref := own.reference()
		assert.ErrorContains(t, agents[0].rrefs.serveFork(former, ref), "another worker named w1 has come since")
		ref = r.reference()
		ref.Rref.Local, ref.Fork.Local = 102, 101
		assert.NoError(t, agents[0].rrefs.serveRemote(former, ref, Bytes([]byte("v"))))
		synctest.Wait()
		own.Release()
		assert.Zero(t, w.live.Load())
	})
}

// A worker may return after it was seen to be silent and before its references are released: it keeps them.
func TestLease_returnsWhileItLapses(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world, agents []*Agent, _ []*keeper) {
		w.remote(agents[1], "w0")
		table := agents[0].rrefs
		table.mu.Lock()
		table.holders["w1"].heard = time.Now().Add(-2 * lease)
		table.mu.Unlock()
		table.arrived("w1", agents[1].incarnation)
		w.remote(agents[1], "w0")
		assert.False(t, table.lapse("w1"))
		assert.EqualValues(t, 2, w.live.Load())
		assert.Empty(t, table.lapsed)
	})
}

// What a former life's silence has cost is no explanation for a new one.
func TestLease_newLifeIsNotBlamed(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world, agents []*Agent, _ []*keeper) {
		w.remote(agents[1], "w0")
		w.cut(1)
		w.after(lease + check)
		assert.Contains(t, agents[0].rrefs.lapsed, "w1")
		next, _ := w.start(1)
		w.mend(1)
		w.remote(next, "w0")
		assert.Empty(t, agents[0].rrefs.lapsed)
	})
}

func TestLease_tooShort(t *testing.T) {
	for _, d := range []time.Duration{1, 7, time.Second - 1} {
		_, err := New(Config{Name: "w0", Executor: echo, RRefLease: d})
		var wrong *ConfigError
		require.ErrorAs(t, err, &wrong)
		assert.Equal(t, "RRefLease", wrong.Field)
	}
}

// While a worker's former life is still connected to, and its present one has come, a fork is for whichever adopts it.
func TestLease_forkBetweenTwoLives(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world, agents []*Agent, _ []*keeper) {
		_, err := agents[0].Call(t.Context(), "w1", Request{Body: Bytes(nil)})
		require.Error(t, err) // no fork, but they have met
		next, _ := w.start(1)
		_, err = next.Call(t.Context(), "w0", Request{Body: Bytes(nil)})
		require.Error(t, err)
		require.Equal(t, agents[1].incarnation, agents[0].incarnationOf("w1"))
		r, err := agents[0].NewRRef(newText("v", &w.live), nil)
		require.NoError(t, err)
		fork, err := r.Fork(t.Context(), "w1")
		require.NoError(t, err)
		r.Release()
		adopted, err := next.Adopt(fork)
		require.NoError(t, err)
		hereIs(t, adopted, "v")
		adopted.Release()
		synctest.Wait()
		assert.Zero(t, w.live.Load())
	})
}
