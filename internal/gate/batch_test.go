package gate_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyrpc/pyrpc/internal/gate"
)

// TestNobodyIsHeldLongerThanATick: a batch that small jobs take long to fill is told by the clock.
func TestNobodyIsHeldLongerThanATick(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := opened(t, gate.Options{Max: 1})
		holder := enter(t, g, "holder")
		const jobs = 200
		var held [jobs]time.Duration
		var wg sync.WaitGroup
		for i := range held {
			wg.Go(func() {
				var over time.Time
				err := g.Do(t.Context(), "job", jobFunc(func(*gate.Permit) {
					pass(gate.DefaultTick / 10)
					over = time.Now()
				}))
				held[i] = time.Since(over)
				assert.NoError(t, err)
			})
		}
		require.Eventually(t, func() bool { return g.Stats().Queue == jobs }, time.Minute, time.Millisecond)
		holder.Leave()
		wg.Wait()
		for _, h := range held {
			assert.LessOrEqual(t, h, gate.DefaultTick)
		}
	})
}

// TestALongQueueIsToldByHalves: those who are told wake, and compete with the jobs that go on. Jobs take
// no time here, so the clock does not tell anybody.
func TestALongQueueIsToldByHalves(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := opened(t, gate.Options{Max: 1})
		holder := enter(t, g, "holder")
		const jobs = 1000
		var ran, told, rounds atomic.Int32
		var wg sync.WaitGroup
		for range jobs {
			wg.Go(func() {
				assert.NoError(t, g.Do(t.Context(), "job", jobFunc(func(*gate.Permit) {
					before := told.Load()
					synctest.Wait() // for those who were told
					if told.Load() > before {
						rounds.Add(1)
					}
					if ran.Add(1) <= jobs/2 {
						assert.Zero(t, told.Load(), "told before half were done")
					}
				})))
				told.Add(1)
			})
		}
		require.Eventually(t, func() bool { return g.Stats().Queue == jobs }, time.Minute, time.Millisecond)
		holder.Leave()
		wg.Wait()
		assert.LessOrEqual(t, rounds.Load(), int32(6), "500, 250, 125, 62, 31 or 32, and what is left")
	})
}
