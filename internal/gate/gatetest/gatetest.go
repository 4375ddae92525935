// Package gatetest has what the tests of package gate and of those on top of it need: gates that are open, callers that
// are inside, and time that passes when they say so.
package gatetest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// Opened gives a gate that admits.
func Opened(t testing.TB, o gate.Options) *gate.Gate {
	t.Helper()
	g := new(gate.Gate)
	require.NoError(t, g.Begin())
	g.Open(o)
	return g
}

// Enter expects to get in.
func Enter(t testing.TB, g *gate.Gate, label string) *gate.Permit {
	t.Helper()
	p, err := g.Enter(context.Background(), label)
	require.NoError(t, err)
	return p
}

// Ended is a context that is over.
func Ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// Queued waits until n callers wait to enter.
func Queued(t testing.TB, g *gate.Gate, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return g.Stats().Queue == n }, time.Minute, time.Millisecond)
}

// Bubble runs a test on a clock of its own, which advances when every goroutine waits.
func Bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		defer Pass(time.Second) // the clock stops with f, and the gate's ticker needs some to end
		f(t)
	})
}

// Pass lets time go by in a bubble, where that takes none.
func Pass(d time.Duration) { <-time.After(d) }
