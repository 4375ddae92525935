package batch_test

import (
	"context"
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

// counts are the permits that are inside, suspended, and abandoned.
func counts(g *site) [3]int {
	s := g.Stats()
	return [3]int{s.Inside, s.Suspended, s.Abandoned}
}

// TestAbandonedJobOfABatch: those behind it run without it, and its own outcome is dropped when it comes back.
func TestAbandonedJobOfABatch(t *testing.T) {
	g := opened(t, gate.Options{Max: 1})
	holder := gatetest.Enter(t, g.Gate, "holder")
	var shared sharing
	ctx, cancel := context.WithCancel(t.Context())
	running, free := make(chan *gate.Permit, 1), make(chan struct{})
	before := lined(t, t.Context(), g, "before", shared.job(func(*gate.Permit) {}), 1)
	stuck := shared.job(func(p *gate.Permit) {
		running <- p
		<-free
	})
	stuck.patience = make(chan time.Time, 1)
	stuck.patience <- time.Time{}
	leaves := lined(t, ctx, g, "stuck", stuck, 2)
	behind := lined(t, t.Context(), g, "behind", shared.job(func(*gate.Permit) {}), 3)
	holder.Leave()
	p := <-running
	cancel()
	require.ErrorIs(t, <-leaves, batch.ErrLeft)
	require.True(t, g.Abandon(p.ID()))
	require.NoError(t, <-before)
	require.NoError(t, <-behind)
	assert.Equal(t, []string{"stuck"}, g.Inside())
	assert.Zero(t, stuck.settled.Load()+stuck.dropped.Load())
	close(free)
	require.NoError(t, g.Drain(t.Context()))
	assert.EqualValues(t, 1, stuck.settled.Load())
	assert.EqualValues(t, 1, stuck.dropped.Load())
	assert.Equal(t, [3]int{}, counts(g))
}

// Some jobs are abandoned, by somebody else and while they run, and then end, or are suspended first.
func TestAbandoned_hammer(t *testing.T) {
	g := opened(t, gate.Options{Max: 3, MaxAbandoned: 5})
	var shared sharing
	var wg sync.WaitGroup
	var ran atomic.Int64
	for i := range 32 {
		wg.Go(func() {
			for n := range 200 {
				work := func(p *gate.Permit) {
					ran.Add(1)
					if n%3 != 0 {
						return
					}
					done := make(chan struct{})
					go func() {
						defer close(done)
						g.Abandon(p.ID())
					}()
					<-done // the GIL does this where it is in earnest
					if n%2 == 0 {
						p.Suspend()
						g.Abandon(p.ID())
						p.Resume()
					}
				}
				if i%2 == 0 {
					assert.NoError(t, g.Do(context.Background(), "job", shared.job(work)))
					continue
				}
				p, err := g.Enter(context.Background(), "caller")
				if assert.NoError(t, err) {
					work(p)
					p.Leave()
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, g.Drain(t.Context()))
	assert.EqualValues(t, 32*200, ran.Load())
	assert.Equal(t, [3]int{}, counts(g))
}
