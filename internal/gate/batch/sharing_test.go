package batch_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/batch"
	"github.com/gopyrpc/gopyrpc/internal/gate/gatetest"
)

// sharing is jobs that may share runners, and what became of these.
type sharing struct {
	mu      sync.Mutex
	runners []*runner // that were run, in this order
	freed   int
	frees   sync.Cond // signalled when freed grows
}

// awaitFreed waits until n runners have been given up. That is later than what [gate.Gate.Drain] waits for: the last
// user of a Runner, a caller or the dispatcher, gives it up when nobody is inside any more.
func (s *sharing) awaitFreed(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frees.L = &s.mu
	for s.freed < n {
		s.frees.Wait()
	}
}

// job is one of a sharing.
type job struct {
	of       *sharing
	run      func(*gate.Permit)
	settled  atomic.Int32
	dropped  atomic.Int32
	patience chan time.Time // nil for a caller that does not leave
}

func (s *sharing) job(run func(*gate.Permit)) *job { return &job{of: s, run: run} }

func (j *job) Run(p *gate.Permit) { j.run(p) }

func (j *job) Interrupt() <-chan time.Time { return j.patience }
func (j *job) Drop()                       { j.dropped.Add(1) }

func (j *job) Runner() batch.Runner { return &runner{of: j.of, jobs: []*job{j}} }

// runner is what C code is elsewhere.
type runner struct {
	of   *sharing
	jobs []*job
	ran  []int
}

func (c *runner) Add(j batch.Job) bool {
	another, ok := j.(*job)
	if ok {
		c.jobs = append(c.jobs, another)
	}
	return ok
}

func (c *runner) Run(p *gate.Permit, claims *batch.Claims) {
	c.of.mu.Lock()
	c.of.runners = append(c.of.runners, c)
	c.of.mu.Unlock()
	for i, j := range c.jobs {
		if claims.Take(i) {
			c.ran = append(c.ran, i)
			j.run(p)
		}
	}
}

func (c *runner) Settle(i int) { c.jobs[i].settled.Add(1) }

func (c *runner) Free() {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.of.freed++
	c.of.frees.Broadcast()
}

// ran is how many jobs each Runner ran.
func (s *sharing) ran() (n []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.runners {
		n = append(n, len(c.ran))
	}
	return n
}

// do has the job done, and gives what came of it.
func do(ctx context.Context, g *site, label string, j batch.Job) chan error {
	done := make(chan error, 1)
	go func() { done <- g.Do(ctx, label, j) }()
	return done
}

// lined has the job done, and returns when it waits as number n.
func lined(t *testing.T, ctx context.Context, g *site, label string, j batch.Job, n int) chan error {
	t.Helper()
	done := do(ctx, g, label, j)
	gatetest.Queued(t, g.Gate, n)
	return done
}

func TestJobsThatWaitShareABatch(t *testing.T) {
	g := opened(t, gate.Options{Max: 1})
	holder := gatetest.Enter(t, g.Gate, "holder")
	const jobs = 100
	var order []int // of all, as one batch runs them one after the other
	var shared sharing
	var all [jobs]*job
	var done [jobs]chan error
	for i := range all {
		all[i] = shared.job(func(*gate.Permit) { order = append(order, i) })
		done[i] = lined(t, t.Context(), g, "job", all[i], i+1)
	}
	holder.Leave()
	for i := range all {
		require.NoError(t, <-done[i])
		assert.EqualValues(t, 1, all[i].settled.Load())
	}
	for i := range all {
		assert.Equal(t, i, order[i])
	}
	assert.Equal(t, []int{jobs}, shared.ran())
	require.NoError(t, g.Drain(t.Context()))
	shared.awaitFreed(1)
}

// TestBatchesKeepTheOrder: no job that came later overtakes a goroutine that waits for a permit itself.
func TestBatchesKeepTheOrder(t *testing.T) {
	g := opened(t, gate.Options{Max: 1})
	holder := gatetest.Enter(t, g.Gate, "holder")
	var shared sharing
	var order []string
	note := func(name string) func(*gate.Permit) { return func(*gate.Permit) { order = append(order, name) } }
	a := lined(t, t.Context(), g, "a", shared.job(note("a")), 1)
	b := lined(t, t.Context(), g, "b", shared.job(note("b")), 2)
	caller := make(chan *gate.Permit)
	go func() {
		p, _ := g.Enter(t.Context(), "caller")
		note("caller")(p)
		caller <- p
	}()
	gatetest.Queued(t, g.Gate, 3)
	c := lined(t, t.Context(), g, "c", shared.job(note("c")), 4)
	holder.Leave()
	require.NoError(t, <-a)
	require.NoError(t, <-b)
	(<-caller).Leave()
	require.NoError(t, <-c)
	assert.Equal(t, []string{"a", "b", "caller", "c"}, order)
	assert.Equal(t, []int{2, 1}, shared.ran())
}

func TestBatchLeavesOutCallersThatHaveLeft(t *testing.T) {
	g := opened(t, gate.Options{Max: 1})
	holder := gatetest.Enter(t, g.Gate, "holder")
	var shared sharing
	ctx, cancel := context.WithCancel(t.Context())
	left := shared.job(func(*gate.Permit) { assert.Fail(t, "ran") })
	leaves := lined(t, ctx, g, "leaves", left, 1)
	stays := lined(t, t.Context(), g, "stays", shared.job(func(*gate.Permit) {}), 2)
	cancel()
	require.ErrorIs(t, <-leaves, context.Canceled)
	assert.Equal(t, 1, g.Stats().Queue)
	holder.Leave()
	require.NoError(t, <-stays)
	assert.Equal(t, []int{1}, shared.ran())
	assert.Zero(t, left.settled.Load()+left.dropped.Load())
}

func TestBatchThatAllHaveLeftIsNotRun(t *testing.T) {
	g := opened(t, gate.Options{Max: 1})
	holder := gatetest.Enter(t, g.Gate, "holder")
	var shared sharing
	ctx, cancel := context.WithCancel(t.Context())
	never := func(*gate.Permit) { assert.Fail(t, "ran") }
	a := lined(t, ctx, g, "a", shared.job(never), 1)
	b := lined(t, ctx, g, "b", shared.job(never), 2)
	cancel()
	require.ErrorIs(t, <-a, context.Canceled)
	require.ErrorIs(t, <-b, context.Canceled)
	assert.Zero(t, g.Stats().Queue)
	holder.Leave()
	assert.Zero(t, g.Stats().Inside)
	assert.Empty(t, shared.ran())
	shared.awaitFreed(1)
}

// TestJobOfABatchIsLeftBehind: what came of it is dropped when it is over, and its caller is not waited for.
func TestJobOfABatchIsLeftBehind(t *testing.T) {
	g := opened(t, gate.Options{Max: 1})
	holder := gatetest.Enter(t, g.Gate, "holder")
	var shared sharing
	ctx, cancel := context.WithCancel(t.Context())
	running, free := make(chan struct{}), make(chan struct{})
	slow := shared.job(func(*gate.Permit) {
		close(running)
		<-free
	})
	slow.patience = make(chan time.Time, 1)
	slow.patience <- time.Time{}
	leaves := lined(t, ctx, g, "slow", slow, 1)
	before := lined(t, t.Context(), g, "before", shared.job(func(*gate.Permit) {}), 2)
	holder.Leave()
	<-running
	assert.Equal(t, []string{"slow"}, g.Inside())
	cancel()
	require.ErrorIs(t, <-leaves, batch.ErrLeft)
	assert.Zero(t, slow.settled.Load())
	close(free)
	require.NoError(t, <-before)
	require.NoError(t, g.Drain(t.Context()))
	assert.EqualValues(t, 1, slow.settled.Load())
	assert.EqualValues(t, 1, slow.dropped.Load())
	shared.awaitFreed(1)
}

// TestCallersOfABatchGoOnWhileItsJobIsSuspended: what is suspended may be waiting for them.
func TestCallersOfABatchGoOnWhileItsJobIsSuspended(t *testing.T) {
	g := opened(t, gate.Options{Max: 1})
	holder := gatetest.Enter(t, g.Gate, "holder")
	var shared sharing
	free := make(chan struct{})
	first := lined(t, t.Context(), g, "first", shared.job(func(*gate.Permit) {}), 1)
	steps := lined(t, t.Context(), g, "steps", shared.job(func(p *gate.Permit) {
		p.Suspend()
		<-free
		p.Resume()
	}), 2)
	last := lined(t, t.Context(), g, "last", shared.job(func(*gate.Permit) {}), 3)
	holder.Leave()
	require.NoError(t, <-first)
	require.NoError(t, <-last)
	assert.Equal(t, []string{"steps"}, g.Inside())
	close(free)
	require.NoError(t, <-steps)
	require.NoError(t, g.Drain(t.Context()))
}

// Everything that can happen to a job of a batch, at once; each is settled once if it ran, and never else.
func TestBatches_hammer(t *testing.T) {
	for range 20 {
		g := opened(t, gate.Options{Max: 3})
		var shared sharing
		var ran, told, left, gone atomic.Int64
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				for n := range 50 {
					ctx, cancel := context.WithCancel(context.Background())
					j := shared.job(func(p *gate.Permit) {
						ran.Add(1)
						if n%16 == 5 {
							p.Suspend()
							p.Resume()
						}
					})
					if i%4 == 0 {
						j.patience = make(chan time.Time, 1)
						j.patience <- time.Time{}
					}
					if i%2 == 0 {
						go cancel()
					}
					err := g.Do(ctx, "job", j)
					cancel()
					switch {
					case err == nil:
						told.Add(1)
					case err == batch.ErrLeft:
						left.Add(1)
					case assert.ErrorIs(t, err, context.Canceled):
						gone.Add(1)
						assert.Zero(t, j.settled.Load()+j.dropped.Load())
					}
				}
			})
		}
		wg.Wait()
		require.NoError(t, g.Drain(t.Context()))
		assert.EqualValues(t, 64*50, told.Load()+left.Load()+gone.Load())
		assert.Equal(t, ran.Load(), told.Load()+left.Load())
		assert.Equal(t, [3]int{0, 0, 0}, [3]int{g.Stats().Inside, g.Stats().Queue, g.Stats().Suspended})
	}
}

// Refusals and contexts that end meet.
func TestBatchesAreRefused_hammer(t *testing.T) {
	for range 200 {
		g := opened(t, gate.Options{Max: 1})
		holder := gatetest.Enter(t, g.Gate, "holder")
		var shared sharing
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(context.Background())
		for range 32 {
			wg.Go(func() {
				for {
					j := shared.job(func(*gate.Permit) {})
					j.patience = make(chan time.Time, 1)
					j.patience <- time.Time{}
					if err := g.Do(ctx, "job", j); err != nil {
						known := errors.Is(err, gate.ErrClosed) || errors.Is(err, batch.ErrLeft) || errors.Is(err, context.Canceled)
						assert.True(t, known, "%v", err)
						return
					}
				}
			})
		}
		holder.Leave()
		go cancel()
		require.NoError(t, g.Drain(context.Background()))
		wg.Wait()
		assert.Zero(t, g.Stats().Queue)
	}
}
