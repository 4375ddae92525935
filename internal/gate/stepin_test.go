//go:build go1.25

package gate_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// comesBack starts a StepIn and gives a channel that is closed when it has returned.
func comesBack(p *gate.Permit) chan struct{} {
	done := make(chan struct{})
	go func() {
		p.StepIn()
		close(done)
	}()
	synctest.Wait()
	return done
}

func isClosed(done chan struct{}) bool {
	synctest.Wait()
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func TestStepInGoesBeforeNewcomers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := opened(t, gate.Options{Max: 1})
		away := enter(t, g, "away")
		away.StepOut()
		holder := enter(t, g, "holder")
		newcomer := arrive(context.Background(), g, "newcomer")
		back := comesBack(away)
		assert.False(t, isClosed(back))
		holder.Leave()
		assert.True(t, isClosed(back))
		assert.True(t, newcomer.waits())
		away.Leave()
		newcomer.in(t).Leave()
	})
}

// A holder that comes back is not overtaken by later holders for ever.
func TestStepInIsFirstInFirstOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := opened(t, gate.Options{Max: 1})
		first := enter(t, g, "first")
		first.StepOut()
		second := enter(t, g, "second")
		second.StepOut()
		holder := enter(t, g, "holder")
		firstBack, secondBack := comesBack(first), comesBack(second)
		holder.Leave()
		assert.True(t, isClosed(firstBack))
		assert.False(t, isClosed(secondBack))
		first.Leave()
		assert.True(t, isClosed(secondBack))
		second.Leave()
	})
}

// The holders inside may wait for a lock that the holder which stepped out has in Python.
func TestStepInDoesNotWaitForHoldersThatWaitForIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := opened(t, gate.Options{Max: 2})
		away := enter(t, g, "holds the lock")
		away.StepOut()
		a := arrive(context.Background(), g, "wants the lock")
		b := arrive(context.Background(), g, "wants it too")
		pass(ticks)
		assert.Equal(t, 2, g.Stats().Inside)
		back := comesBack(away)
		pass(time.Second)
		assert.True(t, isClosed(back), "everybody waits for everybody")
		assert.Equal(t, 3, g.Stats().Inside)
		away.Leave()
		a.in(t).Leave()
		b.in(t).Leave()
	})
}

func TestStepInWorksWhileDraining(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := opened(t, gate.Options{Max: 1})
		away := enter(t, g, "away")
		away.StepOut()
		holder := enter(t, g, "holder")
		drained := drain(context.Background(), g)
		back := comesBack(away)
		holder.Leave()
		assert.True(t, isClosed(back))
		assert.Empty(t, drained, "one is inside again")
		away.Leave()
		synctest.Wait()
		assert.NoError(t, <-drained)
	})
}
