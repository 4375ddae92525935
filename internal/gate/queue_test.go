package gate_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/gatetest"
)

func TestQueueIsFirstInFirstOut(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 1})
		holder := gatetest.Enter(t, g, "holder")
		var queue []caller
		for i := range 20 {
			queue = append(queue, arrive(context.Background(), g, strconv.Itoa(i)))
		}
		assert.Equal(t, 20, g.Stats().Queue)
		for i, c := range queue {
			holder.Leave()
			holder = c.in(t)
			assert.Equal(t, []string{strconv.Itoa(i)}, g.Inside())
		}
		holder.Leave()
		assert.EqualValues(t, 20, g.Stats().Waits)
	})
}

func TestNewcomerDoesNotOvertakeQueue(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 1})
		holder := gatetest.Enter(t, g, "holder")
		waiter := arrive(context.Background(), g, "waiter")
		_, ok, err := g.TryEnter("newcomer")
		require.NoError(t, err)
		assert.False(t, ok)
		holder.Leave()
		waiter.in(t).Leave()
	})
}

func TestWaitEndsWithContext(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 1})
		holder := gatetest.Enter(t, g, "holder")
		timed, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		cancelled, cancel := context.WithCancelCause(context.Background())
		late := arrive(timed, g, "late")
		given := arrive(cancelled, g, "given up")
		last := arrive(context.Background(), g, "last")

		cause := errors.New("no longer wanted")
		cancel(cause)
		assert.ErrorIs(t, given.refused(t), cause)
		gatetest.Pass(time.Second)
		assert.ErrorIs(t, late.refused(t), context.DeadlineExceeded)
		assert.True(t, last.waits())
		assert.Equal(t, 1, g.Stats().Queue)
		holder.Leave()
		last.in(t).Leave()
		assert.Zero(t, g.Stats().Inside)
	})
}

func TestCloseRefusesQueue(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 1})
		holder := gatetest.Enter(t, g, "holder")
		waiter := arrive(context.Background(), g, "waiter")
		g.Close()
		assert.ErrorIs(t, waiter.refused(t), gate.ErrClosed)
		holder.Leave()
	})
}
