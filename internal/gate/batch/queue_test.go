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

type jobFunc func(*gate.Permit)

func (f jobFunc) Run(p *gate.Permit) { f(p) }

func (jobFunc) Interrupt() <-chan time.Time { return nil }
func (jobFunc) Drop()                       {}

func TestDoRunsOnTheCallersGoroutineWhenThereIsRoom(t *testing.T) {
	g := opened(t, gate.Options{Max: 1})
	ran := 0
	require.NoError(t, g.Do(context.Background(), "job", jobFunc(func(p *gate.Permit) {
		ran++ // unsynchronised on purpose: the race detector sees another goroutine
		assert.Equal(t, []string{"job"}, g.Inside())
		assert.Same(t, p, g.Permit(p.ID()))
	})))
	assert.Equal(t, 1, ran)
	assert.Empty(t, g.Inside())
}

// Jobs and callers that want the permit itself are one queue.
func TestDoKeepsTheOrder(t *testing.T) {
	g := opened(t, gate.Options{Max: 1})
	first, err := g.Enter(t.Context(), "first")
	require.NoError(t, err)
	var order []int
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			if i%2 == 0 {
				assert.NoError(t, g.Do(t.Context(), "job", jobFunc(func(*gate.Permit) { order = append(order, i) })))
				return
			}
			p, err := g.Enter(t.Context(), "caller")
			if assert.NoError(t, err) {
				order = append(order, i)
				p.Leave()
			}
		})
		require.Eventually(t, func() bool { return g.Stats().Queue == i+1 }, time.Minute, time.Millisecond)
	}
	first.Leave()
	wg.Wait()
	assert.Equal(t, []int{0, 1, 2, 3, 4, 5}, order)
}

func TestDoCancelledWhileQueuedDoesNotRun(t *testing.T) {
	g := opened(t, gate.Options{Max: 1})
	holder, err := g.Enter(t.Context(), "holder")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- g.Do(ctx, "job", jobFunc(func(*gate.Permit) { assert.Fail(t, "ran") })) }()
	require.Eventually(t, func() bool { return g.Stats().Queue == 1 }, time.Minute, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	holder.Leave()
	assert.Zero(t, g.Stats().Inside)
}

func TestDoRefused(t *testing.T) {
	closed := new(gate.Gate)
	g := &site{closed, batch.New(closed)}
	never := jobFunc(func(*gate.Permit) { assert.Fail(t, "ran") })
	require.ErrorIs(t, g.Do(t.Context(), "early", never), gate.ErrNotStarted)
	g = opened(t, gate.Options{Max: 1})
	holder, err := g.Enter(t.Context(), "holder")
	require.NoError(t, err)
	done := make(chan error)
	go func() { done <- g.Do(t.Context(), "queued", never) }()
	require.Eventually(t, func() bool { return g.Stats().Queue == 1 }, time.Minute, time.Millisecond)
	require.Error(t, g.Drain(gatetest.Ended()), "the holder is inside")
	require.ErrorIs(t, <-done, gate.ErrClosed)
	require.ErrorIs(t, g.Do(t.Context(), "late", never), gate.ErrClosed)
	holder.Leave()
	require.NoError(t, g.Drain(t.Context()))
}

func TestDo_hammer(t *testing.T) {
	const most, callers, each = 3, 64, 200
	g := opened(t, gate.Options{Max: most})
	var inside, ran atomic.Int64
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for range each {
				job := func(*gate.Permit) {
					assert.LessOrEqual(t, inside.Add(1), int64(most))
					inside.Add(-1)
					ran.Add(1)
				}
				if i%4 != 0 {
					assert.NoError(t, g.Do(t.Context(), "job", jobFunc(job)))
					continue
				}
				p, err := g.Enter(t.Context(), "caller")
				if assert.NoError(t, err) {
					job(p)
					p.Leave()
				}
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, callers*each, ran.Load())
	assert.Zero(t, g.Stats().Inside)
}
