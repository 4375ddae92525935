package gate_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/gatetest"
)

var errThreads = errors.New("no more threads")

// upTo is an Options.Threads that allows so many.
func upTo(most int) func(int) error {
	return func(n int) error {
		if n > most {
			return errThreads
		}
		return nil
	}
}

// Newcomers wait while the process may have no more threads, and come in as soon as one is free.
func TestThreads(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		var g gate.Gate
		require.NoError(t, g.Begin())
		g.Open(gate.Options{Base: 8, Threads: upTo(2)})
		first, err := g.Enter(t.Context(), "first")
		require.NoError(t, err)
		second, err := g.Enter(t.Context(), "second")
		require.NoError(t, err)
		second.Suspend()

		third := arrive(t.Context(), &g, "third")
		gatetest.Pass(ticks)
		require.Empty(t, third.entered, "a third thread")
		first.Leave()
		p := <-third.entered
		second.Resume()
		second.Leave()
		p.Leave()
	})
}

// Where every holder that has a thread waits outside, maybe for the newcomer, the newcomer is refused and does not wait for ever.
func TestThreads_exhausted(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		var g gate.Gate
		require.NoError(t, g.Begin())
		g.Open(gate.Options{Base: 8, Threads: upTo(2)})
		var out []*gate.Permit
		for range 2 {
			p, err := g.Enter(t.Context(), "out")
			require.NoError(t, err)
			p.Suspend()
			out = append(out, p)
		}
		_, err := g.Enter(t.Context(), "newcomer")
		require.ErrorIs(t, err, errThreads)
		assert.ErrorContains(t, err, "2 python calls wait for something else")
		for _, p := range out {
			p.Resume()
			p.Leave()
		}
		p, err := g.Enter(t.Context(), "later")
		require.NoError(t, err)
		p.Leave()
	})
}

// A suspended caller that enters anew needs no further thread.
func TestThreads_again(t *testing.T) {
	g := gatetest.Opened(t, gate.Options{Threads: upTo(1)})
	out := gatetest.Enter(t, g, "out")
	out.Suspend()
	_, err := g.EnterAgain(t.Context(), "elsewhere", func() bool { return false })
	require.ErrorIs(t, err, errThreads)
	again, err := g.EnterAgain(t.Context(), "again", func() bool { return true })
	require.NoError(t, err)
	again.Leave()
	out.Resume()
	out.Leave()
}

// A newcomer that waits behind somebody inside is told, too, when that one is suspended, maybe to wait for the newcomer.
func TestThreads_exhaustedMeanwhile(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		var g gate.Gate
		require.NoError(t, g.Begin())
		g.Open(gate.Options{Base: 8, Threads: upTo(1)})
		p, err := g.Enter(t.Context(), "holder")
		require.NoError(t, err)
		newcomer := make(chan error, 1)
		go func() {
			_, err := g.Enter(t.Context(), "newcomer")
			newcomer <- err
		}()
		gatetest.Pass(ticks)
		require.Empty(t, newcomer)
		p.Suspend()
		gatetest.Pass(ticks)
		require.NotEmpty(t, newcomer)
		require.ErrorIs(t, <-newcomer, errThreads)
		p.Resume()
		p.Leave()
		p, err = g.Enter(t.Context(), "later")
		require.NoError(t, err)
		p.Leave()
	})
}
