//go:build go1.25

package gate_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/gate"
)

func TestShortCallsRunOneByOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := opened(t, gate.Options{Max: 8})
		holder := enter(t, g, "holder")
		var queue []caller
		for range 8 {
			queue = append(queue, arrive(context.Background(), g, "short"))
		}
		for _, c := range queue {
			pass(gate.DefaultTick / 2)
			holder.Leave()
			holder = c.in(t)
			assert.Equal(t, 1, g.Stats().Inside)
		}
		holder.Leave()
		assert.Equal(t, 1, g.Stats().Peak)
	})
}

func TestHolderThatOverstaysMakesRoom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := opened(t, gate.Options{Max: 4})
		blocked := enter(t, g, "blocked")
		waiter := arrive(context.Background(), g, "waiter")
		assert.True(t, waiter.waits())
		pass(ticks)
		waiter.in(t).Leave()
		blocked.Leave()
	})
}

func TestQuotaGrowsForBlockingCallers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const permits = 64
		g := opened(t, gate.Options{Max: permits})
		var callers []caller
		for i := range permits + 10 {
			callers = append(callers, arrive(context.Background(), g, strconv.Itoa(i)))
		}
		// Doubling each time: 1, 2, 4 … 32 are in after 6 rounds of overstaying.
		pass(20 * gate.DefaultTick)
		s := g.Stats()
		assert.Equal(t, permits, s.Inside)
		assert.Equal(t, 10, s.Queue)
		pass(time.Second)
		assert.Equal(t, permits, g.Stats().Peak, "Max is the end")
		for _, c := range callers {
			c.in(t).Leave()
		}
	})
}

func TestQuotaShrinksForShortCallers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := opened(t, gate.Options{Max: 16})
		var blocked []caller
		for range 16 {
			blocked = append(blocked, arrive(context.Background(), g, "blocks"))
		}
		pass(20 * gate.DefaultTick)
		for _, c := range blocked {
			c.in(t).Leave()
		}
		grown := g.Stats().Quota
		require.Greater(t, grown, 1)
		for range grown {
			enter(t, g, "short").Leave()
		}
		assert.Equal(t, 1, g.Stats().Quota)
	})
}

func TestBaseIsLeastQuota(t *testing.T) {
	g := opened(t, gate.Options{Max: 8, Base: 4})
	for range 10 {
		enter(t, g, "short").Leave()
	}
	assert.Equal(t, 4, g.Stats().Quota)
}

func TestTotalBoundsThoseInsideAndSuspended(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := opened(t, gate.Options{Max: 2, Total: 4})
		var suspended []*gate.Permit
		for range 4 {
			p := enter(t, g, "nested")
			p.Suspend()
			suspended = append(suspended, p)
		}
		fifth := arrive(context.Background(), g, "fifth")
		pass(time.Second)
		assert.True(t, fifth.waits(), "each of the others has an OS thread")
		suspended[0].Resume()
		suspended[0].Leave()
		fifth.in(t).Leave()
		for _, p := range suspended[1:] {
			p.Resume()
			p.Leave()
		}
	})
}
