package gate_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/gatetest"
)

// drain starts a Drain and gives its result.
func drain(ctx context.Context, g *gate.Gate) chan error {
	result := make(chan error, 1)
	go func() { result <- g.Drain(ctx) }()
	synctest.Wait()
	return result
}

func TestDrainWaitsForThoseInside(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 4, Base: 4})
		a, b := gatetest.Enter(t, g, "a"), gatetest.Enter(t, g, "b")
		drained := drain(context.Background(), g)
		a.Leave()
		synctest.Wait()
		assert.Empty(t, drained)
		assert.Equal(t, gate.Draining, g.State())
		b.Leave()
		synctest.Wait()
		require.Len(t, drained, 1)
		assert.NoError(t, <-drained)
		assert.Equal(t, gate.Closed, g.State())
	})
}

func TestDrainWaitsForSuspendedHolders(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{})
		p := gatetest.Enter(t, g, "suspended")
		p.Suspend()
		drained := drain(context.Background(), g)
		gatetest.Pass(time.Second)
		assert.Empty(t, drained)
		p.Resume()
		p.Leave()
		assert.NoError(t, <-drained)
	})
}

func TestDrainOfEmptyGateReturnsAtOnce(t *testing.T) {
	g := gatetest.Opened(t, gate.Options{})
	assert.NoError(t, g.Drain(gatetest.Ended()))
	assert.Equal(t, gate.Closed, g.State())
	assert.NoError(t, g.Drain(gatetest.Ended()), "again")
	assert.NoError(t, new(gate.Gate).Drain(context.Background()), "never opened")
}

func TestDrainNamesWhoIsLeft(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 4, Base: 4})
		slow, suspended := gatetest.Enter(t, g, "udf slow"), gatetest.Enter(t, g, "udf suspended")
		suspended.Suspend()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err := g.Drain(ctx)
		var left *gate.DrainError
		require.ErrorAs(t, err, &left)
		assert.Equal(t, []string{"udf slow", "udf suspended"}, left.Inside)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, `2 ["udf slow" "udf suspended"]`)

		slow.Leave()
		suspended.Resume()
		suspended.Leave()
		assert.NoError(t, g.Drain(context.Background()), "a later one waits again")
	})
}

func TestDrainRefusesThoseWhoWait(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 1})
		holder := gatetest.Enter(t, g, "holder")
		a := arrive(context.Background(), g, "a")
		b := arrive(context.Background(), g, "b")
		drained := drain(context.Background(), g)
		assert.ErrorIs(t, a.refused(t), gate.ErrClosed)
		assert.ErrorIs(t, b.refused(t), gate.ErrClosed)
		holder.Leave()
		assert.NoError(t, <-drained)
	})
}

func TestCloseEndsDrain(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{})
		holder := gatetest.Enter(t, g, "holder")
		drained := drain(context.Background(), g)
		g.Close()
		synctest.Wait()
		assert.NoError(t, <-drained)
		holder.Leave() // nothing left to signal
		assert.Equal(t, gate.Closed, g.State())
	})
}
