package ticker_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/ticker"
)

const every = ticker.Interval

// work counts its ticks.
type work struct {
	ticks  atomic.Int64
	needed atomic.Bool
}

func (w *work) Tick() bool   { w.ticks.Add(1); return w.needed.Load() }
func (w *work) Needed() bool { return w.needed.Load() }

// pass lets time pass in a bubble, where that takes none.
func pass(d time.Duration) { <-time.After(d) }

// TestTicker_runsWhileItIsNeeded, and does not cost anything else.
func TestTicker_runsWhileItIsNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tick ticker.Ticker
		var w work
		w.needed.Store(true)
		tick.Start(every, &w)
		tick.Start(every, &w)
		pass(1000*every + every/2)
		assert.EqualValues(t, 1000, w.ticks.Load(), "one runs")
		assert.True(t, tick.Running())
		w.needed.Store(false)
		pass(time.Hour)
		assert.False(t, tick.Running())
		assert.EqualValues(t, 1000+ticker.IdleTicks, w.ticks.Load())

		w.needed.Store(true)
		tick.Start(every, &w)
		pass(10*every + every/2)
		assert.EqualValues(t, 1010+ticker.IdleTicks, w.ticks.Load(), "it starts again")
		w.needed.Store(false)
		pass(time.Hour)
	})
}

// late needs the ticker when it thinks that it has ended.
type late struct {
	ticker ticker.Ticker
	ticks  int
	began  bool
}

func (l *late) Tick() bool {
	if l.ticks++; l.ticks == ticker.IdleTicks { // the last time
		l.ticker.Start(every, l) // which takes it for running
		l.began = true
	}
	return false
}

func (l *late) Needed() bool {
	began := l.began
	l.began = false
	return began
}

func TestTicker_goesOnForWhatCameAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &late{}
		l.ticker.Start(every, l)
		pass(time.Hour)
		synctest.Wait()
		assert.Equal(t, 2*ticker.IdleTicks, l.ticks)
	})
}

func TestTicker_isHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tick ticker.Ticker
		var w work
		resume, ok := tick.Hold()
		require.True(t, ok)
		tick.Start(every, &w)
		pass(time.Hour)
		assert.Zero(t, w.ticks.Load())
		resume()
		tick.Start(every, &w)
		_, ok = tick.Hold()
		assert.False(t, ok, "it runs")
		pass(time.Hour)
		assert.EqualValues(t, ticker.IdleTicks, w.ticks.Load())
	})
}
