package membership_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent/internal/membership"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

var errRefused = errors.New("connection refused")

// network is what a group knows of its connections; a member that is not down is connected.
type network struct {
	unmet map[string]bool // members that were never reached

	mu       sync.Mutex
	down     map[string]error              // guarded by mu; what an attempt to connect to a member fails with
	failures map[string]membership.Failure // guarded by mu
	attempts int                           // guarded by mu
}

func (n *network) Connected(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.down[name] == nil
}

func (n *network) Connect(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.attempts++
	if err := n.down[name]; err != nil {
		n.failures[name] = membership.Failure{At: time.Now(), Err: err, Refused: errors.Is(err, errRefused), Reached: !n.unmet[name]}
	}
}

func (n *network) LastFailure(name string) membership.Failure {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.failures[name]
}

// attempted is how many attempts to connect there were.
func (n *network) attempted() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.attempts
}

// cut has attempts to connect to a member fail, and takes its connections away; nil for err brings the member back.
func (n *network) cut(name string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down[name] = err
}

// group is a group in one process: its members' parts, and the leader's.
type group struct {
	members  *membership.Members
	detector *membership.Detector
	network  network
	said     logText
	work     []membership.Activity
	barriers []membership.Barrier
}

// startTimeout is how long a member of a group that has not met may take to start.
const startTimeout = 10 * time.Second

// inGroup runs a test with a group of n members, w0 and so on.
func inGroup(t *testing.T, n int, met bool, test func(t *testing.T, g *group)) {
	synctest.Test(t, func(t *testing.T) {
		g := &group{members: membership.NewMembers(), work: make([]membership.Activity, n), barriers: make([]membership.Barrier, n)}
		g.network.down, g.network.failures, g.network.unmet = map[string]error{}, map[string]membership.Failure{}, map[string]bool{}
		var list []membership.Member
		for i := range n {
			list = append(list, membership.Member{Name: fmt.Sprintf("w%d", i), Rank: i, Address: fmt.Sprintf("w%d:1", i)})
		}
		g.members.Set(list)
		done := make(chan struct{})
		g.detector = membership.NewDetector(membership.DetectorConfig{
			Members: g.members, Connections: &g.network, Log: g.said.logger(),
			Met: met, StartTimeout: startTimeout, Done: done,
		})
		test(t, g)
		close(done)
	})
}

// wait has a member wait for the group to be quiet, in a phase.
func (g *group) wait(ctx context.Context, rank int, phase uint32) <-chan error {
	got := make(chan error, 1)
	go func() {
		got <- g.barriers[rank].Wait(ctx, phase, &g.work[rank], func(ctx context.Context, act *agentpb.Activity) (bool, error) {
			return g.detector.Report(ctx, fmt.Sprintf("w%d", rank), act)
		})
	}()
	synctest.Wait()
	return got
}

// after lets so much time pass.
func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestBarrier_opensWhenAllAreIdle(t *testing.T) {
	inGroup(t, 3, true, func(t *testing.T, g *group) {
		for phase := range uint32(2) {
			require.NoError(t, g.work[2].Serve(false))
			var waiting []<-chan error
			for rank := range 3 {
				waiting = append(waiting, g.wait(t.Context(), rank, phase+1))
			}
			after(time.Hour)
			for _, got := range waiting {
				require.Empty(t, got, "w2 has something to do")
			}
			g.work[2].Done(false)
			for _, got := range waiting {
				assert.NoError(t, <-got)
			}
		}
		assert.NoError(t, <-g.wait(t.Context(), 1, 1), "a phase that it has passed")
	})
}

// Work that begets work on members that have reported already must end before the barrier opens: it moves between two members
// whenever one of them is about to be seen idle.
func TestBarrier_waitsForWorkThatMoves(t *testing.T) {
	for seed := range uint64(50) {
		inGroup(t, 4, true, func(t *testing.T, g *group) {
			random := rand.New(rand.NewPCG(seed, 0))
			left := 40
			var hop func(at int)
			hop = func(at int) { // what a request does at a member: it makes a call that the caller does not wait for
				<-time.After(time.Duration(random.IntN(3)))
				if left--; left > 0 {
					to := random.IntN(4)
					require.NoError(t, g.work[at].Call(false))
					require.NoError(t, g.work[to].Serve(false))
					go func() {
						hop(to)
						g.work[to].Done(false)
						g.work[at].Done(false)
					}()
				}
			}
			require.NoError(t, g.work[0].Call(false))
			var waiting []<-chan error
			for rank := range 4 {
				waiting = append(waiting, g.wait(t.Context(), rank, 1))
			}
			hop(0)
			g.work[0].Done(false)
			for _, got := range waiting {
				assert.NoError(t, <-got)
			}
			assert.LessOrEqual(t, left, 0, "the barrier opened while work was on its way (seed %d)", seed)
		})
	}
}

// A round in which all were idle shows nothing by itself: the leader's answer is no until nothing has happened between two.
func TestDetector_oneRoundIsNotEnough(t *testing.T) {
	inGroup(t, 2, true, func(t *testing.T, g *group) {
		report := func(number uint32, served uint64) bool {
			got := make(chan bool, 2)
			for rank := range 2 {
				go func() {
					quiet, err := g.detector.Report(t.Context(), fmt.Sprintf("w%d", rank), &agentpb.Activity{Phase: 1, Round: number, Served: served})
					assert.NoError(t, err)
					got <- quiet
				}()
			}
			first := <-got
			assert.Equal(t, first, <-got)
			return first
		}
		assert.False(t, report(1, 5))
		assert.False(t, report(2, 6), "something was served since")
		assert.True(t, report(3, 6))
	})
}

func TestDetector_outOfStep(t *testing.T) {
	inGroup(t, 2, true, func(t *testing.T, g *group) {
		_, err := g.detector.Report(t.Context(), "w1", &agentpb.Activity{Phase: 2, Round: 1})
		assert.ErrorContains(t, err, "the group's join is at step 1.1, worker w1 at 2.1: was it restarted?")
		assert.Equal(t, codes.FailedPrecondition, status.Code(err))
	})
}

// A worker that gave up and joins again finds its place, whatever became of its first report.
func TestDetector_secondAttempts(t *testing.T) {
	inGroup(t, 2, true, func(t *testing.T, g *group) {
		report := func(ctx context.Context, from string) <-chan error {
			got := make(chan error, 1)
			go func() {
				_, err := g.detector.Report(ctx, from, &agentpb.Activity{Phase: 1, Round: 1})
				got <- err
			}()
			synctest.Wait()
			return got
		}
		ctx, giveUp := context.WithCancel(t.Context())
		old := report(ctx, "w1")
		second := report(t.Context(), "w1")
		giveUp() // late: the second attempt's report must stay
		assert.ErrorIs(t, <-old, context.Canceled)
		mine := report(t.Context(), "w0")
		assert.NoError(t, <-mine)
		assert.NoError(t, <-second)
		quiet, err := g.detector.Report(t.Context(), "w1", &agentpb.Activity{Phase: 1, Round: 1})
		assert.NoError(t, err, "a verdict that was missed is given again")
		assert.False(t, quiet)
	})
}

// A wait that ends names the members that were waited for; a later one goes on from there.
func TestBarrier_namesWhoIsMissing(t *testing.T) {
	inGroup(t, 4, true, func(t *testing.T, g *group) {
		require.NoError(t, g.work[2].Call(false))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		first, second, busy := g.wait(ctx, 0, 1), g.wait(ctx, 1, 1), g.wait(ctx, 2, 1)
		for _, got := range []<-chan error{first, second} {
			err := <-got
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.ErrorContains(t, err, "w2, w3 did not join or has calls in progress")
		}
		assert.ErrorContains(t, <-busy, "1 calls are in progress here")
		g.work[2].Done(false)
		var again []<-chan error
		for rank := range 4 {
			again = append(again, g.wait(t.Context(), rank, 1))
		}
		for _, got := range again {
			assert.NoError(t, <-got)
		}

		// One that has reported in this phase, and works again, is told from one that never came.
		later, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		outcome := make(chan error, 4)
		for rank := range 4 {
			go func() {
				_, err := g.detector.Report(later, fmt.Sprintf("w%d", rank), &agentpb.Activity{Phase: 2, Round: 1})
				outcome <- err
			}()
		}
		for range 4 {
			require.NoError(t, <-outcome)
		}
		_, err := g.detector.Report(later, "w0", &agentpb.Activity{Phase: 2, Round: 2})
		assert.ErrorContains(t, err, "w1, w2, w3 joined and has calls in progress")
	})
}

// took checks that what follows takes no longer.
func took(t *testing.T, most time.Duration, do func()) {
	began := time.Now()
	do()
	assert.LessOrEqual(t, time.Since(began), most)
}

// A member that has ended without joining ends the wait of the others: at once where it was reached before, after the time to
// start where the group has not met.
func TestDetector_endsWithAWorkerThatHasGone(t *testing.T) {
	for met, limit := range map[bool]time.Duration{true: membership.WatchInterval, false: startTimeout + 2*membership.WatchInterval} {
		t.Run(fmt.Sprintf("met %t", met), func(t *testing.T) {
			inGroup(t, 3, met, func(t *testing.T, g *group) {
				for range 2 { // a second attempt ends in the same way
					g.network.cut("w2", errRefused)
					waiting := []<-chan error{g.wait(t.Context(), 0, 1), g.wait(t.Context(), 1, 1)}
					took(t, limit, func() {
						for _, got := range waiting {
							err := <-got
							assert.Equal(t, codes.Unavailable, status.Code(err))
							assert.ErrorContains(t, err, "worker w2 has left without joining, nothing listens at w2:1 any more: only an ungraceful shutdown leaves without it")
						}
					})
				}
				g.network.cut("w2", nil) // it was started again
				for _, got := range []<-chan error{g.wait(t.Context(), 0, 1), g.wait(t.Context(), 1, 1), g.wait(t.Context(), 2, 1)} {
					assert.NoError(t, <-got)
				}
			})
		})
	}
}

// A partition ends a wait only when it lasts; what happened before the member was missed counts for nothing.
func TestDetector_unreachableWorker(t *testing.T) {
	inGroup(t, 2, true, func(t *testing.T, g *group) {
		unreachable := errors.New("no route to host")
		g.network.failures["w1"] = membership.Failure{At: time.Now(), Err: unreachable}
		got := g.wait(t.Context(), 0, 1)
		after(time.Hour)
		for range 2 {
			g.network.cut("w1", unreachable)
			after(membership.JoinPatience - time.Second)
			g.network.cut("w1", nil)
			after(time.Hour)
		}
		require.Empty(t, got, "it has come back")
		g.network.cut("w1", unreachable)
		took(t, membership.JoinPatience+2*membership.WatchInterval, func() {
			err := <-got
			assert.ErrorIs(t, err, unreachable)
			assert.ErrorContains(t, err, "worker w1 has not joined, and cannot be reached at w1:1 for 1m0s (no route to host): only an ungraceful")
		})
	})
}

// TestDetector_absenceEndsWithAReport: a worker that has reported, and whose connection is lost an hour later, is absent from then on.
func TestDetector_absenceEndsWithAReport(t *testing.T) {
	inGroup(t, 3, true, func(t *testing.T, g *group) {
		unreachable := errors.New("no route to host")
		leader := g.wait(t.Context(), 0, 1)
		g.network.cut("w2", unreachable)
		after(time.Second)
		g.network.cut("w2", nil)
		ctx, lose := context.WithCancel(t.Context())
		reported := g.wait(ctx, 2, 1)
		after(time.Hour)
		g.network.cut("w2", unreachable)
		lose()
		assert.Error(t, <-reported)
		after(membership.JoinPatience / 2)
		require.Empty(t, leader)
		after(membership.JoinPatience)
		assert.ErrorContains(t, <-leader, "worker w2 has not joined")
	})
}

// A member that calls and cannot be called lives: that nothing listens at its address says nothing. When it is not connected
// any more it is given up after a minute.
func TestDetector_workerThatCannotBeCalled(t *testing.T) {
	inGroup(t, 2, true, func(t *testing.T, g *group) {
		g.network.unmet["w1"] = true
		got := g.wait(t.Context(), 0, 1)
		g.network.cut("w1", errRefused)
		after(membership.JoinPatience / 2)
		g.network.cut("w1", nil)
		after(24 * time.Hour)
		require.Empty(t, got)
		g.network.cut("w1", errRefused)
		took(t, membership.JoinPatience+2*membership.WatchInterval, func() {
			assert.ErrorContains(t, <-got, "worker w1 has not joined, and cannot be reached at w1:1 for 1m0s (connection refused)")
		})
	})
}

// Nothing is looked for while no member waits, and a wait that lasts is logged less and less often.
func TestDetector_watchesWhileSomebodyWaits(t *testing.T) {
	inGroup(t, 2, false, func(t *testing.T, g *group) {
		g.network.cut("w1", errors.New("no answer"))
		ctx, cancel := context.WithTimeout(t.Context(), membership.ReminderInterval+time.Second)
		defer cancel()
		assert.ErrorIs(t, <-g.wait(ctx, 0, 1), context.DeadlineExceeded)
		assert.Contains(t, g.said.String(), `msg="agent: still waiting for the group to be quiet, so that it can part" missing="w1 did not join`)
		after(time.Second)
		attempts := g.network.attempted()
		assert.Positive(t, attempts)
		after(time.Hour)
		assert.Equal(t, attempts, g.network.attempted())
		g.network.cut("w1", nil)
		got := g.wait(t.Context(), 0, 1)
		after(time.Hour)
		assert.Less(t, strings.Count(g.said.String(), "missing="), 14)
		g.network.cut("w1", errRefused)
		assert.ErrorContains(t, <-got, "worker w1 has left", "the round is watched anew")
	})
}

func TestActivity_refusesAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a membership.Activity
		closed := errors.New("closed")
		require.NoError(t, a.Call(false))
		require.NoError(t, a.Serve(true))
		a.Close(closed)
		assert.Equal(t, closed, a.Call(false))
		assert.Equal(t, closed, a.Serve(true))
		assert.Equal(t, 1, a.Load(), "the barrier's is not counted")
		idle, empty := make(chan uint64, 1), make(chan error, 1)
		go func() { started, _, _ := a.WaitIdle(t.Context()); idle <- started }()
		go func() { empty <- a.WaitEmpty(t.Context()) }()
		synctest.Wait()
		require.Empty(t, idle)
		a.Done(false)
		assert.EqualValues(t, 1, <-idle)
		synctest.Wait()
		require.Empty(t, empty, "the barrier's is waited for")
		a.Done(true)
		assert.NoError(t, <-empty)
	})
}
