package gate_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/gatetest"
)

func TestShortCallsRunOneByOne(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 8})
		holder := gatetest.Enter(t, g, "holder")
		var queue []caller
		for range 8 {
			queue = append(queue, arrive(context.Background(), g, "short"))
		}
		for _, c := range queue {
			gatetest.Pass(gate.DefaultTick / 2)
			holder.Leave()
			holder = c.in(t)
			assert.Equal(t, 1, g.Stats().Inside)
		}
		holder.Leave()
		assert.Equal(t, 1, g.Stats().Peak)
	})
}

func TestHolderThatOverstaysMakesRoom(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 4})
		blocked := gatetest.Enter(t, g, "blocked")
		waiter := arrive(context.Background(), g, "waiter")
		assert.True(t, waiter.waits())
		gatetest.Pass(ticks)
		waiter.in(t).Leave()
		blocked.Leave()
	})
}

func TestQuotaGrowsForBlockingCallers(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		const permits = 64
		g := gatetest.Opened(t, gate.Options{Max: permits})
		var callers []caller
		for i := range permits + 10 {
			callers = append(callers, arrive(context.Background(), g, strconv.Itoa(i)))
		}
		// Doubling each time: 1, 2, 4 … 32 are in after 6 rounds of overstaying.
		gatetest.Pass(20 * gate.DefaultTick)
		s := g.Stats()
		assert.Equal(t, permits, s.Inside)
		assert.Equal(t, 10, s.Queue)
		gatetest.Pass(time.Second)
		assert.Equal(t, permits, g.Stats().Peak, "Max is the end")
		for _, c := range callers {
			c.in(t).Leave()
		}
	})
}

func TestQuotaShrinksForShortCallers(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 16})
		var blocked []caller
		for range 16 {
			blocked = append(blocked, arrive(context.Background(), g, "blocks"))
		}
		gatetest.Pass(20 * gate.DefaultTick)
		for _, c := range blocked {
			c.in(t).Leave()
		}
		grown := g.Stats().Quota
		require.Greater(t, grown, 1)
		for range grown {
			gatetest.Enter(t, g, "short").Leave()
		}
		assert.Equal(t, 1, g.Stats().Quota)
	})
}

func TestBaseIsLeastQuota(t *testing.T) {
	g := gatetest.Opened(t, gate.Options{Max: 8, Base: 4})
	for range 10 {
		gatetest.Enter(t, g, "short").Leave()
	}
	assert.Equal(t, 4, g.Stats().Quota)
}

func TestTotalBoundsThoseInsideAndSuspended(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 2, Total: 4})
		var suspended []*gate.Permit
		for range 4 {
			p := gatetest.Enter(t, g, "nested")
			p.Suspend()
			suspended = append(suspended, p)
		}
		fifth := arrive(context.Background(), g, "fifth")
		gatetest.Pass(time.Second)
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
