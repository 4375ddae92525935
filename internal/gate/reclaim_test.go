package gate_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/gatetest"
)

// dead names each permit once, as the thread that died with it would.
func dead(permits ...*gate.Permit) func() int {
	return func() int {
		if len(permits) == 0 {
			return 0
		}
		id := permits[0].ID()
		permits = permits[1:]
		return id
	}
}

func TestPermitOfDeadHolderReturns(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 1})
		g.Reclaim(dead(gatetest.Enter(t, g, "died")))
		waiter := arrive(context.Background(), g, "waiter")
		assert.True(t, waiter.waits())
		gatetest.Pass(ticks)
		waiter.in(t).Leave()
		assert.Zero(t, g.Stats().Inside)
	})
}

func TestDrainDoesNotWaitForDeadHolder(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 2, Base: 2})
		g.Reclaim(dead(gatetest.Enter(t, g, "died"), gatetest.Enter(t, g, "died too")))
		assert.NoError(t, g.Drain(context.Background()))
	})
}

func TestReclaimIgnoresUnknownPermits(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 1})
		holder := gatetest.Enter(t, g, "holder")
		ids := []int{99, 0}
		g.Reclaim(func() int {
			id := ids[0]
			ids = ids[min(1, len(ids)-1):]
			return id
		})
		waiter := arrive(context.Background(), g, "waiter")
		gatetest.Pass(gate.DefaultTick)
		assert.True(t, waiter.waits())
		holder.Leave()
		waiter.in(t).Leave()
	})
}
