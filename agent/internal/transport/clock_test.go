package transport

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

type watched struct {
	ticks atomic.Int64
	needs atomic.Bool
}

func (w *watched) tick() bool {
	w.ticks.Add(1)
	return w.needs.Load()
}

// pass lets time pass in a bubble, where that takes none.
func pass(d time.Duration) { <-time.After(d) }

// TestClock_ticksAllRings while one of them needs it, and none that was removed.
func TestClock_ticksAllRings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c clock
		var w, other watched
		c.add(&w)
		c.add(&other)
		w.needs.Store(true)
		c.start()
		pass(1000*tick + tick/2)
		assert.EqualValues(t, 1000, w.ticks.Load())
		assert.EqualValues(t, 1000, other.ticks.Load())
		w.needs.Store(false)
		pass(time.Hour)
		assert.False(t, c.ticker.Running())
		before, ticks := w.ticks.Load(), other.ticks.Load()

		other.needs.Store(true)
		c.remove(&w)
		c.start()
		pass(10*tick + tick/2)
		assert.EqualValues(t, ticks+10, other.ticks.Load())
		assert.EqualValues(t, before, w.ticks.Load())
		other.needs.Store(false)
		pass(time.Hour)
	})
}
