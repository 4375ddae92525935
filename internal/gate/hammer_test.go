package gate_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/gatetest"
)

// crowd runs f in n goroutines and waits for all.
func crowd(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			f(i)
		}()
	}
	wg.Wait()
}

// A permit granted at the moment its caller gives up goes to the next in line.
func TestCancelLosesNoPermit_hammer(t *testing.T) {
	g := gatetest.Opened(t, gate.Options{Max: 1})
	var entered, given atomic.Int64
	crowd(64, func(i int) {
		for round := range 200 {
			ctx, cancel := context.WithCancel(context.Background())
			if (i+round)%2 == 0 {
				go cancel()
			}
			p, err := g.Enter(ctx, "call")
			if err == nil {
				entered.Add(1)
				runtime.Gosched()
				p.Leave()
			} else if assert.ErrorIs(t, err, context.Canceled) {
				given.Add(1)
			}
			cancel()
		}
	})
	assert.EqualValues(t, 64*200, entered.Load()+given.Load())
	s := g.Stats()
	assert.Equal(t, [3]int{0, 0, 0}, [3]int{s.Inside, s.Queue, s.Suspended})
	gatetest.Enter(t, g, "the permit is still there").Leave()
	require.NoError(t, g.Drain(context.Background()))
}

func TestMaxIsNeverExceeded_hammer(t *testing.T) {
	const permits = 4
	g := gatetest.Opened(t, gate.Options{Max: permits, Base: permits})
	var inside atomic.Int64
	crowd(100, func(int) {
		for range 100 {
			p := gatetest.Enter(t, g, "call")
			assert.LessOrEqual(t, inside.Add(1), int64(permits))
			runtime.Gosched()
			inside.Add(-1)
			p.Leave()
		}
	})
	assert.Equal(t, permits, g.Stats().Peak)
}

// Permits are pooled: each caller must find its own by the number, whatever the others do.
func TestPermitsKeepTheirIdentity_hammer(t *testing.T) {
	g := gatetest.Opened(t, gate.Options{Max: 8, Base: 8})
	crowd(64, func(i int) {
		for round := range 200 {
			p := gatetest.Enter(t, g, "call")
			assert.Same(t, p, g.Permit(p.ID()))
			if (i+round)%3 == 0 {
				p.Suspend()
				runtime.Gosched()
				p.Resume()
				assert.Same(t, p, g.Permit(p.ID()))
			}
			p.Leave()
		}
	})
	assert.Empty(t, g.Inside())
}

func TestDrainAmongCallers_hammer(t *testing.T) {
	for range 50 {
		g := gatetest.Opened(t, gate.Options{Max: 2})
		var inside atomic.Int64
		var wg sync.WaitGroup
		for range 16 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for {
					p, err := g.Enter(context.Background(), "call")
					if err != nil {
						assert.ErrorIs(t, err, gate.ErrClosed)
						return
					}
					inside.Add(1)
					p.Suspend()
					runtime.Gosched()
					p.Resume()
					inside.Add(-1)
					p.Leave()
				}
			}()
		}
		require.NoError(t, g.Drain(context.Background()))
		assert.Zero(t, inside.Load())
		wg.Wait()
	}
}

func TestTickerEndsWhenIdle(t *testing.T) {
	before := goleak.IgnoreCurrent()
	g := gatetest.Opened(t, gate.Options{Max: 1})
	crowd(32, func(int) {
		for range 50 {
			p := gatetest.Enter(t, g, "call")
			runtime.Gosched()
			p.Leave()
		}
	})
	require.NotZero(t, g.Stats().Waits, "nobody had to wait")
	goleak.VerifyNone(t, before)
}
