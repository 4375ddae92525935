package ticker_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/ticker"
)

// TestGroup_ticksAllMembers while one of them needs it, and none that was removed.
func TestGroup_ticksAllMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g ticker.Group
		var w, other work
		g.Add(&w)
		g.Add(&other)
		w.needed.Store(true)
		g.Start()
		pass(1000*every + every/2)
		assert.EqualValues(t, 1000, w.ticks.Load())
		assert.EqualValues(t, 1000, other.ticks.Load())
		w.needed.Store(false)
		pass(time.Hour)
		assert.False(t, g.Running())
		before, ticks := w.ticks.Load(), other.ticks.Load()

		other.needed.Store(true)
		g.Remove(&w)
		g.Start()
		pass(10*every + every/2)
		assert.EqualValues(t, ticks+10, other.ticks.Load())
		assert.EqualValues(t, before, w.ticks.Load())
		other.needed.Store(false)
		pass(time.Hour)
	})
}

func TestGroup_isTickedByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g ticker.Group
		var w work
		g.Add(&w)
		_, ok := g.Hold()
		require.True(t, ok)
		g.Start()
		pass(time.Hour)
		assert.Zero(t, w.ticks.Load())
		assert.False(t, g.Tick())
		w.needed.Store(true)
		assert.True(t, g.Tick())
		assert.EqualValues(t, 2, w.ticks.Load())
	})
}
