package batch_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/batch"
	"github.com/gopyrpc/gopyrpc/internal/gate/gatetest"
)

// crowded has n jobs wait behind a holder, which leaves then. Job i does what run says.
func crowded(t *testing.T, g *site, shared *sharing, n int, run func(i int)) (done []chan error) {
	t.Helper()
	holder := gatetest.Enter(t, g.Gate, "holder")
	for i := range n {
		done = append(done, do(context.Background(), g, "job", shared.job(func(*gate.Permit) { run(i) })))
		synctest.Wait()
	}
	holder.Leave()
	return done
}

// TestNobodyIsHeldLongerThanATick: the clock notifies a caller whose job is done, however many jobs are still waiting.
func TestNobodyIsHeldLongerThanATick(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := opened(t, gate.Options{Max: 1})
		var shared sharing
		const jobs = 200
		var over [jobs]time.Time
		done := crowded(t, g, &shared, jobs, func(i int) {
			gatetest.Pass(gate.DefaultTick / 10)
			over[i] = time.Now()
		})
		var wg sync.WaitGroup
		for i := range done {
			wg.Go(func() {
				assert.NoError(t, <-done[i])
				assert.LessOrEqual(t, time.Since(over[i]), gate.DefaultTick)
			})
		}
		wg.Wait()
		assert.Equal(t, []int{jobs}, shared.ran(), "short jobs stay together, and need no other permit")
		assert.Equal(t, 1, g.Stats().Peak)
	})
}

// TestJobThatBlocksHoldsUpNoOthers: neither those before it nor those behind it.
func TestJobThatBlocksHoldsUpNoOthers(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := opened(t, gate.Options{Max: 4})
		var shared sharing
		free := make(chan struct{})
		done := crowded(t, g, &shared, 5, func(i int) {
			if i == 2 {
				<-free
			}
		})
		start := time.Now()
		for _, i := range []int{0, 1} {
			require.NoError(t, <-done[i])
		}
		assert.LessOrEqual(t, time.Since(start), gate.DefaultTick)
		for _, i := range []int{3, 4} {
			require.NoError(t, <-done[i])
		}
		assert.LessOrEqual(t, time.Since(start), 10*gate.DefaultTick)
		close(free)
		require.NoError(t, <-done[2])
	})
}

// TestJobsThatBlockRunAtOnce though they began in one batch.
func TestJobsThatBlockRunAtOnce(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		const jobs = 64
		g := opened(t, gate.Options{Max: jobs})
		var shared sharing
		start := time.Now()
		for _, done := range crowded(t, g, &shared, jobs, func(int) { gatetest.Pass(time.Second) }) {
			require.NoError(t, <-done)
		}
		assert.Less(t, time.Since(start), time.Second+40*gate.DefaultTick)
		assert.Equal(t, jobs, g.Stats().Peak)
	})
}

// TestWaitingForTheGILMakesNoRoom: more permits would only mean more threads that wait.
func TestWaitingForTheGILMakesNoRoom(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := opened(t, gate.Options{Max: 8})
		var shared sharing
		holder := gatetest.Enter(t, g.Gate, "holder")
		late := &lateRunner{runner: runner{of: &shared}, held: make(chan struct{})}
		var done []chan error
		for range 3 {
			done = append(done, do(context.Background(), g, "job", &lateJob{shared.job(func(*gate.Permit) {}), late}))
			synctest.Wait()
		}
		holder.Leave()
		gatetest.Pass(100 * gate.DefaultTick)
		caller := make(chan *gate.Permit, 1)
		go func() {
			p, _ := g.Enter(context.Background(), "caller")
			caller <- p
		}()
		gatetest.Pass(100 * gate.DefaultTick)
		assert.Empty(t, caller, "it waits")
		assert.Equal(t, 1, g.Stats().Quota)
		close(late.held)
		for _, d := range done {
			require.NoError(t, <-d)
		}
		(<-caller).Leave()
	})
}

// lateRunner is one whose thread waits for the GIL before it can begin.
type lateRunner struct {
	runner
	held chan struct{}
}

func (c *lateRunner) Add(j batch.Job) bool { return c.runner.Add(j.(*lateJob).job) }

func (c *lateRunner) Run(p *gate.Permit, claims *batch.Claims) {
	<-c.held
	c.runner.Run(p, claims)
}

type lateJob struct {
	*job
	late *lateRunner
}

func (j *lateJob) Runner() batch.Runner {
	j.late.Add(j)
	return j.late
}

// TestDrainRefusesJobsThatHaveNotBegun, at once: they wait, though a dispatcher has them already.
func TestDrainRefusesJobsThatHaveNotBegun(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := opened(t, gate.Options{Max: 1})
		var shared sharing
		free := make(chan struct{})
		done := crowded(t, g, &shared, 3, func(i int) {
			switch i {
			case 1:
				<-free
			case 2:
				assert.Fail(t, "ran")
			}
		})
		synctest.Wait()
		start := time.Now()
		var inside *gate.DrainError
		require.ErrorAs(t, g.Drain(gatetest.Ended()), &inside)
		assert.Equal(t, []string{"job"}, inside.Inside)
		require.NoError(t, <-done[0])
		require.ErrorIs(t, <-done[2], gate.ErrClosed)
		assert.Zero(t, time.Since(start))
		close(free)
		require.NoError(t, <-done[1])
		require.NoError(t, g.Drain(t.Context()))
	})
}

// TestDeadDispatcherHoldsUpNoOthers: its thread has ended in a job, and with it its goroutine.
func TestDeadDispatcherHoldsUpNoOthers(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := opened(t, gate.Options{Max: 1})
		var shared sharing
		var dead atomic.Int32
		g.Reclaim(func() int { return int(dead.Swap(0)) })
		holder := gatetest.Enter(t, g.Gate, "holder")
		before := do(t.Context(), g, "before", shared.job(func(*gate.Permit) {}))
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		dies := shared.job(func(p *gate.Permit) {
			dead.Store(int32(p.ID()))
			runtime.Goexit()
		})
		dies.patience = make(chan time.Time, 1)
		dies.patience <- time.Time{}
		lost := do(ctx, g, "dies", dies)
		synctest.Wait()
		behind := do(t.Context(), g, "behind", shared.job(func(*gate.Permit) {}))
		synctest.Wait()
		holder.Leave()
		require.NoError(t, <-before)
		require.NoError(t, <-behind)
		cancel()
		require.ErrorIs(t, <-lost, batch.ErrLeft)
		require.NoError(t, g.Drain(t.Context()))
	})
}

// TestCallerWithoutAPauseWaitsForCallersThatReturn: callers that were notified wait for the only processor, on which one of
// them could make all its calls before the others run again. Now and then one can still: where the scheduler takes the
// processor from the goroutine that has the gate's lock, all callers wait for that, and one that comes by goes ahead.
func TestCallerWithoutAPauseWaitsForCallersThatReturn(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const rounds, each = 9, 300
	ahead := 0
	for range rounds {
		if lead(t, each) > each/2 {
			ahead++
		}
	}
	assert.Less(t, ahead, rounds/2, "rounds in which one was far ahead of others")
}

// lead is by how many calls one of some callers was ahead of another at most, while each made so many.
func lead(t *testing.T, each int) (most int) {
	t.Helper()
	g := opened(t, gate.Options{Max: 1})
	holder := gatetest.Enter(t, g.Gate, "holder")
	var shared sharing
	const callers = 8
	var calls [callers]int
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for range each {
				assert.NoError(t, g.Do(context.Background(), "job", shared.job(func(*gate.Permit) {
					calls[i]++
					most = max(most, calls[i]-slices.Min(calls[:]))
				})))
			}
		})
	}
	gatetest.Queued(t, g.Gate, callers)
	holder.Leave()
	wg.Wait()
	return most
}
