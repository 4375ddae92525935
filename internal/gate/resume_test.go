package gate_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/gatetest"
)

// resuming starts a Resume and gives a channel that is closed when it has returned.
func resuming(p *gate.Permit) chan struct{} {
	done := make(chan struct{})
	go func() {
		p.Resume()
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

func TestResumeGoesBeforeNewcomers(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 1})
		suspended := gatetest.Enter(t, g, "suspended")
		suspended.Suspend()
		holder := gatetest.Enter(t, g, "holder")
		newcomer := arrive(context.Background(), g, "newcomer")
		back := resuming(suspended)
		assert.False(t, isClosed(back))
		holder.Leave()
		assert.True(t, isClosed(back))
		assert.True(t, newcomer.waits())
		suspended.Leave()
		newcomer.in(t).Leave()
	})
}

// A holder that comes back is not overtaken by later holders for ever.
func TestResumeIsFirstInFirstOut(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 1})
		first := gatetest.Enter(t, g, "first")
		first.Suspend()
		second := gatetest.Enter(t, g, "second")
		second.Suspend()
		holder := gatetest.Enter(t, g, "holder")
		firstBack, secondBack := resuming(first), resuming(second)
		holder.Leave()
		assert.True(t, isClosed(firstBack))
		assert.False(t, isClosed(secondBack))
		first.Leave()
		assert.True(t, isClosed(secondBack))
		second.Leave()
	})
}

// The holders inside may wait for a lock that the suspended holder has in Python.
func TestResumeDoesNotWaitForHoldersThatWaitForIt(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 2})
		suspended := gatetest.Enter(t, g, "holds the lock")
		suspended.Suspend()
		a := arrive(context.Background(), g, "wants the lock")
		b := arrive(context.Background(), g, "wants it too")
		gatetest.Pass(ticks)
		assert.Equal(t, 2, g.Stats().Inside)
		back := resuming(suspended)
		gatetest.Pass(time.Second)
		assert.True(t, isClosed(back), "everybody waits for everybody")
		assert.Equal(t, 3, g.Stats().Inside)
		suspended.Leave()
		a.in(t).Leave()
		b.in(t).Leave()
	})
}

func TestResumeWorksWhileDraining(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := gatetest.Opened(t, gate.Options{Max: 1})
		suspended := gatetest.Enter(t, g, "suspended")
		suspended.Suspend()
		holder := gatetest.Enter(t, g, "holder")
		drained := drain(context.Background(), g)
		back := resuming(suspended)
		holder.Leave()
		assert.True(t, isClosed(back))
		assert.Empty(t, drained, "one is inside again")
		suspended.Leave()
		synctest.Wait()
		assert.NoError(t, <-drained)
	})
}
