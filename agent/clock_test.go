package agent

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

// TestClock_runsWhileItIsNeeded, and does not cost anything else.
func TestClock_runsWhileItIsNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c clock
		var w, other watched
		c.add(&w)
		c.add(&other)
		w.needs.Store(true)
		c.start()
		c.start()
		pass(1000*tick + tick/2)
		assert.EqualValues(t, 1000, w.ticks.Load(), "one runs")
		assert.EqualValues(t, 1000, other.ticks.Load())
		w.needs.Store(false)
		pass(time.Hour)
		assert.False(t, c.running.Load())
		assert.EqualValues(t, 1000+idleTicks, w.ticks.Load(), "the last one is for what came at the end")

		other.needs.Store(true)
		c.remove(&w)
		c.start()
		pass(10*tick + tick/2)
		assert.EqualValues(t, 1000+idleTicks+10, other.ticks.Load())
		assert.EqualValues(t, 1000+idleTicks, w.ticks.Load())
		other.needs.Store(false)
		pass(time.Hour)
	})
}

// late needs the clock when it thinks that it has ended.
type late struct {
	clock *clock
	ticks atomic.Int64
}

func (l *late) tick() bool {
	n := l.ticks.Add(1)
	if n == idleTicks { // the last time
		l.clock.start() // which takes it for running
	}
	return n == idleTicks+1
}

// TestClock_goesOnForWhoCameAtItsEnd.
func TestClock_goesOnForWhoCameAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c clock
		l := &late{clock: &c}
		c.add(l)
		c.start()
		pass(time.Hour)
		assert.EqualValues(t, 2*idleTicks+2, l.ticks.Load())
	})
}
