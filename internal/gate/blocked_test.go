package gate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/gatetest"
)

// looksOften calls Blocked four times a second, as the watchdog does, and gives what it said last.
func looksOften(g *gate.Gate, stuck int, d time.Duration) (said string) {
	for ; d > 0; d -= 250 * time.Millisecond {
		said = g.Blocked(stuck)
		gatetest.Pass(250 * time.Millisecond)
	}
	return said
}

// TestBlockedByOneWithoutADeadline: nobody comes in, though one of those inside is not known to be stuck.
func TestBlockedByOneWithoutADeadline(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 2, MaxAbandoned: -1})
		stuck, endless := gatetest.Enter(t, g, "stuck"), arrive(t.Context(), g, "endless")
		gatetest.Pass(ticks)
		other := endless.in(t)
		assert.Empty(t, looksOften(g, 1, time.Minute), "nobody waits")
		newcomer := arrive(t.Context(), g, "newcomer")
		assert.Empty(t, looksOften(g, 1, 4*time.Second), "the other may leave")
		assert.Contains(t, looksOften(g, 1, 2*time.Second), "all 2 permits are held: 1 by calls whose context has ended and that run on, 1 by")
		assert.Empty(t, g.Blocked(0), "none is known to be stuck")
		other.Leave()
		assert.Empty(t, g.Blocked(1))
		p := newcomer.in(t)
		assert.Empty(t, looksOften(g, 1, time.Minute))
		p.Leave()
		stuck.Leave()
	})
}

// TestNotBlockedWhereSomebodyComesIn, though not every newcomer does, and though looks may be far apart.
func TestNotBlockedWhereSomebodyComesIn(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 2, MaxAbandoned: -1})
		stuck, first := gatetest.Enter(t, g, "stuck"), arrive(t.Context(), g, "first")
		gatetest.Pass(ticks)
		inside := first.in(t)
		last := arrive(t.Context(), g, "next")
		for range 10 {
			newcomer := arrive(t.Context(), g, "newcomer")
			require.Empty(t, looksOften(g, 1, 4*time.Second))
			inside.Leave()
			gatetest.Pass(ticks)
			inside, last = last.in(t), newcomer
		}
		gatetest.Pass(time.Minute)
		assert.Empty(t, g.Blocked(1), "nobody has looked for a minute")
		inside.Leave()
		last.in(t).Leave()
		stuck.Leave()
	})
}
