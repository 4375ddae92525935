package gate_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/gatetest"
)

var errBroken = errors.New("broken")

// life brings a gate into a state by the ways there are.
func life(t *testing.T, s gate.State) *gate.Gate {
	t.Helper()
	g := new(gate.Gate)
	if s == gate.New {
		return g
	}
	require.NoError(t, g.Begin())
	switch s {
	case gate.Starting:
	case gate.Failed:
		g.Fail(errBroken)
	case gate.Draining:
		g.Open(gate.Options{})
		p := gatetest.Enter(t, g, "stays")
		t.Cleanup(p.Leave)
		require.Error(t, g.Drain(gatetest.Ended()))
	case gate.Closed:
		g.Open(gate.Options{})
		g.Close()
	default:
		g.Open(gate.Options{})
	}
	require.Equal(t, s, g.State())
	return g
}

func TestStateDecidesEntry(t *testing.T) {
	for state, want := range map[gate.State]error{
		gate.New:      gate.ErrNotStarted,
		gate.Starting: gate.ErrNotStarted,
		gate.Running:  nil,
		gate.Draining: gate.ErrClosed,
		gate.Closed:   gate.ErrClosed,
		gate.Failed:   gate.ErrFailed,
	} {
		t.Run(state.String(), func(t *testing.T) {
			g := life(t, state)
			p, err := g.Enter(context.Background(), "call")
			require.ErrorIs(t, err, want)
			tried, ok, tryErr := g.TryEnter("call")
			assert.ErrorIs(t, tryErr, want)
			assert.False(t, ok, "one permit is out already, or none may be")
			assert.Nil(t, tried)
			if want == nil {
				p.Leave()
				tried, ok, tryErr = g.TryEnter("call")
				assert.NoError(t, tryErr)
				require.True(t, ok)
				tried.Leave()
			}
		})
	}
}

func TestFailureSaysWhy(t *testing.T) {
	_, err := life(t, gate.Failed).Enter(context.Background(), "call")
	assert.ErrorIs(t, err, errBroken)
}

func TestBeginHappensOnce(t *testing.T) {
	for state, want := range map[gate.State]error{
		gate.Starting: gate.ErrNotStarted,
		gate.Closed:   gate.ErrClosed,
		gate.Failed:   gate.ErrFailed,
	} {
		assert.ErrorIs(t, life(t, state).Begin(), want, state)
	}
}

func TestCloseKeepsFailure(t *testing.T) {
	g := life(t, gate.Failed)
	g.Close()
	assert.Equal(t, gate.Failed, g.State())
}

func TestCloseOfUnstartedGateIsFinal(t *testing.T) {
	g := new(gate.Gate)
	g.Close()
	assert.ErrorIs(t, g.Begin(), gate.ErrClosed)
}

func TestEndedContextDoesNotEnter(t *testing.T) {
	g := gatetest.Opened(t, gate.Options{})
	_, err := g.Enter(gatetest.Ended(), "call")
	assert.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, g.Stats().Inside)
}

func TestContextCauseIsReported(t *testing.T) {
	g := gatetest.Opened(t, gate.Options{})
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errBroken)
	_, err := g.Enter(ctx, "call")
	assert.ErrorIs(t, err, errBroken)
}

func TestOptionsHaveBounds(t *testing.T) {
	g := gatetest.Opened(t, gate.Options{Max: 2, Base: 9, Total: 1})
	s := g.Stats()
	assert.Equal(t, 2, s.Max)
	assert.Equal(t, 2, s.Quota, "no more than Max")
	a, b := gatetest.Enter(t, g, "a"), gatetest.Enter(t, g, "b")
	a.Leave()
	b.Leave()
	assert.Equal(t, gate.DefaultMax, gatetest.Opened(t, gate.Options{}).Stats().Max)
}
