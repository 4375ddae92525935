package agent_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/internal/membership"
)

// joinApart has agents join without a deadline, and returns where what each got will be.
func joinApart(t *testing.T, agents ...*agent.Agent) []chan error {
	outcomes := make([]chan error, len(agents))
	for i, a := range agents {
		outcomes[i] = make(chan error, 1)
		go func() {
			_, err := a.Join(t.Context())
			outcomes[i] <- err
		}()
	}
	return outcomes
}

// took checks that what follows does not take longer.
func took(t *testing.T, most time.Duration, do func()) {
	began := time.Now()
	do()
	assert.LessOrEqual(t, time.Since(began), most)
}

// A worker that ended without joining ends the join of the others, whether they had met it or not.
func TestJoin_endsWithAWorkerThatHasGone(t *testing.T) {
	for name, c := range map[string]struct {
		in    func(*testing.T, int, func(*testing.T, *world, []*agent.Agent, []*keeper))
		limit time.Duration
	}{
		"a group that was named": {inWorld, 10*time.Second + 2*membership.WatchInterval},
		"a group that has met":   {inMetWorld, 3 * membership.WatchInterval},
	} {
		t.Run(name, func(t *testing.T) {
			c.in(t, 3, func(t *testing.T, w *world, agents []*agent.Agent, _ []*keeper) {
				synctest.Wait() // workers that have met are connected with the leader
				w.kill(2)
				outcomes := joinApart(t, agents[0], agents[1])
				took(t, c.limit, func() {
					for _, outcome := range outcomes {
						err := <-outcome
						assert.Equal(t, codes.Unavailable, status.Code(err))
						assert.ErrorContains(t, err, "worker w2 has left without joining, nothing listens at 127.0.0.1:3 any more")
						assert.ErrorContains(t, err, "only an ungraceful shutdown leaves without it")
					}
				})
				_, err := agents[0].Call(t.Context(), "w1", agent.Request{Body: agent.Bytes(nil)})
				assert.ErrorContains(t, err, "an RRef whose owner", "the agents are open")
			})
		})
	}
}

func TestJoin_endsWithALeaderThatHasGone(t *testing.T) {
	inMetWorld(t, 3, func(t *testing.T, w *world, agents []*agent.Agent, _ []*keeper) {
		outcomes := joinApart(t, agents[1:]...)
		synctest.Wait()
		w.kill(0)
		took(t, time.Second, func() {
			for _, outcome := range outcomes {
				assert.ErrorContains(t, <-outcome, "worker w0")
			}
			for _, outcome := range joinApart(t, agents[1:]...) {
				assert.ErrorContains(t, <-outcome, "worker w0: it was in the group, and has ended")
			}
		})
	})
}

// A worker that is started again in time joins like any other; so it does when the others try again.
func TestJoin_waitsForAWorkerThatIsStartedAgain(t *testing.T) {
	inWorld(t, 3, func(t *testing.T, w *world, agents []*agent.Agent, _ []*keeper) {
		w.kill(2)
		for _, outcome := range joinApart(t, agents[:2]...) {
			assert.ErrorContains(t, <-outcome, "worker w2 has left")
		}
		outcomes := joinApart(t, agents[:2]...)
		w.after(5 * time.Second)
		again, _ := w.start(2)
		w.after(time.Hour) // it lives: it may take its time
		for _, outcome := range append(outcomes, joinApart(t, again)...) {
			assert.NoError(t, <-outcome)
		}
	})
}

// A partition ends a join only when it lasts.
func TestJoin_unreachableWorker(t *testing.T) {
	inMetWorld(t, 3, func(t *testing.T, w *world, agents []*agent.Agent, _ []*keeper) {
		_, err := agents[0].Call(t.Context(), "w2", agent.Request{Body: agent.Bytes(nil)})
		require.Error(t, err) // but they have met
		outcomes := joinApart(t, agents[:2]...)
		w.after(time.Second)
		w.cut(2)
		w.after(membership.JoinPatience - 10*time.Second)
		w.mend(2)
		w.after(time.Hour)
		w.cut(2)
		took(t, membership.JoinPatience+10*time.Second, func() {
			for _, outcome := range outcomes {
				assert.ErrorContains(t, <-outcome, "worker w2 has not joined, and cannot be reached at 127.0.0.1:3 for 1m0s (")
			}
		})
	})
}

// TestJoin_survivesALostConnection: of a worker that has joined, and of the leader. A process that was stopped for 45 s goes on like that.
func TestJoin_survivesALostConnection(t *testing.T) {
	inMetWorld(t, 3, func(t *testing.T, w *world, agents []*agent.Agent, _ []*keeper) {
		outcomes := joinApart(t, agents[1:]...)
		for rank := range agents {
			w.after(time.Hour)
			w.breakConnections(rank)
			w.after(time.Hour)
			w.cut(rank)
			w.after(membership.JoinPatience - 15*time.Second)
			w.mend(rank)
		}
		w.after(time.Hour)
		for i, outcome := range outcomes {
			select {
			case err := <-outcome:
				require.Fail(t, "waits no more", "w%d: %v", i+1, err)
			default:
			}
		}
		for _, outcome := range append(outcomes, joinApart(t, agents[0])...) {
			assert.NoError(t, <-outcome)
		}
	})
}

// TestJoin_endsWhereTheLeaderIsNotReachedAgain within JoinPatience.
func TestJoin_endsWhereTheLeaderIsNotReachedAgain(t *testing.T) {
	inMetWorld(t, 3, func(t *testing.T, w *world, agents []*agent.Agent, _ []*keeper) {
		outcome := joinApart(t, agents[1])[0]
		w.after(time.Hour)
		w.cut(0)
		took(t, membership.JoinPatience+10*time.Second, func() {
			err := <-outcome
			assert.Equal(t, codes.Unavailable, status.Code(err))
			assert.ErrorContains(t, err, "worker w0: ")
		})
	})
}

// A worker that calls, and that nobody can call, lives: nothing listens at the address that it gave.
func TestJoin_workerThatCannotBeCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, true)
		defer w.end()
		w.mute = map[int]bool{2: true}
		agents := make([]*agent.Agent, 3)
		for i := range agents {
			agents[i], _ = w.start(i)
		}
		outcomes := joinApart(t, agents[:2]...)
		w.after(time.Hour)
		_, err := agents[0].Call(t.Context(), "w2", agent.Request{})
		assert.ErrorContains(t, err, "worker w2: it is there, and cannot be called at the address that it gave (Config.Advertise, --advertise, GOPYRPC_ADVERTISE): nothing listens at 127.0.0.1:3")
		w.breakConnections(2) // as a router does that forgets them
		w.after(time.Hour)
		for i, outcome := range outcomes {
			require.Empty(t, outcome, "w%d waits no more", i)
		}
		for _, outcome := range append(outcomes, joinApart(t, agents[2])...) {
			assert.NoError(t, <-outcome)
		}
	})
}

// One that nobody can call, and that has ended, is named after a minute.
func TestJoin_workerThatCouldNotBeCalledHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, true)
		defer w.end()
		w.mute = map[int]bool{1: true}
		first, _ := w.start(0)
		last, _ := w.start(1)
		require.NoError(t, last.WaitReady(t.Context()))
		outcome := joinApart(t, first)[0]
		w.after(time.Hour)
		require.Empty(t, outcome, "it lives")
		w.kill(1)
		took(t, membership.JoinPatience+2*membership.WatchInterval, func() {
			assert.ErrorContains(t, <-outcome, "worker w1 has not joined, and cannot be reached at 127.0.0.1:2 for 1m0s (nothing listens at 127.0.0.1:2")
		})
	})
}

// TestJoin_endsWithAWorkerThatLeaves in order, without joining: it says so, also where nobody can call it.
func TestJoin_endsWithAWorkerThatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, true)
		defer w.end()
		w.mute = map[int]bool{1: true}
		first, _ := w.start(0)
		leaving, _ := w.start(1)
		last, _ := w.start(2)
		require.NoError(t, last.WaitReady(t.Context()))
		outcomes := joinApart(t, first, last)
		w.after(time.Hour)
		_, err := leaving.Shutdown(t.Context())
		require.NoError(t, err)
		took(t, 2*membership.WatchInterval, func() {
			for _, outcome := range outcomes {
				assert.ErrorContains(t, <-outcome, "worker w1 has left without joining: only an ungraceful shutdown leaves without it")
			}
		})
	})
}

// The first call to a worker of a group that has met, which has ended since, fails at once; to one of a group that was
// named it may be starting.
func TestCall_toAWorkerThatHasGone(t *testing.T) {
	inMetWorld(t, 3, func(t *testing.T, w *world, agents []*agent.Agent, _ []*keeper) {
		synctest.Wait()
		w.kill(2)
		for range 3 {
			took(t, 0, func() {
				_, err := agents[1].Call(t.Context(), "w2", agent.Request{})
				assert.Equal(t, codes.Unavailable, status.Code(err))
				assert.ErrorContains(t, err, "worker w2: it was in the group, and has ended or cannot be called at the address that it gave")
				assert.ErrorContains(t, err, ": nothing listens at 127.0.0.1:3: connection refused")
			})
		}
		synctest.Wait()
		took(t, 0, func() {
			_, err := agents[0].Call(t.Context(), "w2", agent.Request{})
			assert.ErrorContains(t, err, "worker w2: it was in the group, and has ended: ", "the leader had reached it")
		})
	})
	inWorld(t, 3, func(t *testing.T, w *world, agents []*agent.Agent, _ []*keeper) {
		w.kill(2)
		took(t, 15*time.Second, func() {
			_, err := agents[1].Call(t.Context(), "w2", agent.Request{})
			assert.ErrorContains(t, err, "worker w2: nothing listens at 127.0.0.1:3: connection refused")
		})
		w.kill(0)
		started := make(chan struct{})
		time.AfterFunc(5*time.Second, func() {
			w.start(0)
			close(started)
		})
		_, err := agents[1].Call(t.Context(), "w0", agent.Request{Body: agent.Bytes(nil)})
		assert.ErrorContains(t, err, "an RRef whose owner", "it came in time")
		<-started
	})
}

// A worker that waits for others says so after a while, with their names, and then less and less often.
func TestWaiting_isSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, true)
		first, _ := w.start(0)
		second, _ := w.start(1)
		w.after(membership.ReminderInterval - time.Second)
		assert.NotContains(t, w.said.String(), "still waiting")
		w.after(2 * time.Second)
		assert.Contains(t, w.said.String(), `level=WARN msg="agent: still waiting for the group" agent=w0 missing="1 of 3: ranks not taken are 2;`)
		assert.Contains(t, w.said.String(), `level=WARN msg="agent: still waiting for the group; the coordinator says who is missing" agent=w1`)
		w.after(time.Hour)
		assert.Less(t, strings.Count(w.said.String(), "missing="), 12)
		last, _ := w.start(2)
		require.NoError(t, last.WaitReady(t.Context()))
		outcomes := joinApart(t, first, second)
		w.after(membership.ReminderInterval + time.Second)
		assert.Contains(t, w.said.String(), `msg="agent: still waiting for the group to be quiet, so that it can part" agent=w0 missing="w2 did not join`)
		for _, outcome := range append(outcomes, joinApart(t, last)...) {
			assert.NoError(t, <-outcome)
		}
		w.end()
	})
}
