package agent_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
)

// remote makes a value at a worker.
func (w *world) remote(from *agent.Agent, to string) *agent.RRef {
	r, err := from.Remote(w.t.Context(), to, agent.Request{Body: agent.Bytes([]byte("v"))}, nil)
	require.NoError(w.t, err)
	require.NoError(w.t, r.WaitConfirmed(w.t.Context()))
	return r
}

const (
	lease = 10 * time.Minute // by default
	check = lease / 8        // that often a silent worker is looked for
)

func TestLease_killedUserIsGivenUp(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world, agents []*agent.Agent, _ []*keeper) {
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
		assert.Zero(t, agents[0].RRefTable().Holders)
	})
}

func TestLease_partitionIsNoDeath(t *testing.T) {
	for _, long := range []time.Duration{time.Second, time.Minute, lease - 2*check} {
		t.Run(long.String(), func(t *testing.T) {
			inWorld(t, 2, func(t *testing.T, w *world, agents []*agent.Agent, _ []*keeper) {
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
	inWorld(t, 3, func(t *testing.T, w *world, agents []*agent.Agent, ks []*keeper) {
		r, shared := w.remote(agents[1], "w0"), w.remote(agents[1], "w0")
		kept := give(t, agents[1], shared, ks[2])
		require.NoError(t, kept.WaitConfirmed(t.Context()))
		w.cut(1)
		w.after(lease + check)
		assert.EqualValues(t, 1, w.live.Load(), "what another worker holds stays")
		w.mend(1)
		for _, late := range []*agent.RRef{r, shared} {
			_, err := late.ToHere(t.Context())
			assert.ErrorIs(t, err, agent.ErrOwnerGone)
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
	inWorld(t, 2, func(t *testing.T, w *world, agents []*agent.Agent, _ []*keeper) {
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
	inWorld(t, 2, func(t *testing.T, w *world, agents []*agent.Agent, _ []*keeper) {
		_, err := agents[0].Call(t.Context(), "w1", agent.Request{Body: agent.Bytes(nil)})
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
		_, err = next.Call(t.Context(), "w0", agent.Request{Body: agent.Bytes(nil)})
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
			inWorld(t, 3, func(t *testing.T, w *world, agents []*agent.Agent, _ []*keeper) {
				r := w.remote(agents[1], "w0")
				_, err := agents[1].Call(t.Context(), "w2", agent.Request{Body: agent.Bytes(nil)})
				require.Error(t, err) // no fork, but they have met
				_, err = r.Fork(t.Context(), "w2")
				require.NoError(t, err)
				r.Release()
				synctest.Wait()
				assert.EqualValues(t, 1, w.live.Load(), "the child may be there")
				w.cut(2)
				end(w)
				assert.Zero(t, w.live.Load())
				assert.Zero(t, agents[1].RRefTable().Holders)
				assert.Zero(t, agents[1].Stats().RRefsUsed)
			})
		})
	}
}

// A worker that adopts what a dead worker has passed on is told why there is no value any more.
func TestLease_adoptionThroughTheDead(t *testing.T) {
	inWorld(t, 3, func(t *testing.T, w *world, agents []*agent.Agent, _ []*keeper) {
		r := w.remote(agents[1], "w0")
		fork, err := r.Fork(t.Context(), "w2")
		require.NoError(t, err)
		w.cut(1)
		w.after(lease + check)
		assert.Zero(t, w.live.Load())
		adopted, err := agents[2].Adopt(fork)
		require.NoError(t, err)
		err = adopted.WaitConfirmed(t.Context())
		assert.ErrorIs(t, err, agent.ErrOwnerGone)
		assert.ErrorContains(t, err, "not heard of for 10m0s")
	})
}

// What a former life's silence has cost is no explanation for a new one.
func TestLease_newLifeIsNotBlamed(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world, agents []*agent.Agent, _ []*keeper) {
		w.remote(agents[1], "w0")
		w.cut(1)
		w.after(lease + check)
		assert.Equal(t, 1, agents[0].RRefTable().Lapsed)
		next, _ := w.start(1)
		w.mend(1)
		w.remote(next, "w0")
		assert.Zero(t, agents[0].RRefTable().Lapsed)
	})
}

func TestLease_tooShort(t *testing.T) {
	for _, d := range []time.Duration{1, 7, time.Second - 1} {
		_, err := agent.New(agent.Config{Name: "w0", Executor: echo, RRefLease: d})
		var wrong *agent.ConfigError
		require.ErrorAs(t, err, &wrong)
		assert.Equal(t, "RRefLease", wrong.Field)
	}
}

// While a worker's former life is still connected to, and its present one has come, a fork is for whichever adopts it.
func TestLease_forkBetweenTwoLives(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world, agents []*agent.Agent, _ []*keeper) {
		_, err := agents[0].Call(t.Context(), "w1", agent.Request{Body: agent.Bytes(nil)})
		require.Error(t, err) // no fork, but they have met
		next, _ := w.start(1)
		_, err = next.Call(t.Context(), "w0", agent.Request{Body: agent.Bytes(nil)})
		require.Error(t, err)
		require.Equal(t, agents[1].Incarnation(), agents[0].ConnectedTo("w1"))
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
