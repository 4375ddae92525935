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

// counts are the permits that are inside, suspended, and abandoned.
func counts(g *gate.Gate) [3]int {
	s := g.Stats()
	return [3]int{s.Inside, s.Suspended, s.Abandoned}
}

func TestAbandonedPermitIsGivenToTheNext(t *testing.T) {
	g := gatetest.Opened(t, gate.Options{Max: 1, MaxAbandoned: 1})
	stuck := gatetest.Enter(t, g, "stuck")
	waits := make(chan *gate.Permit)
	go func() {
		p, _ := g.Enter(context.Background(), "waits")
		waits <- p
	}()
	gatetest.Queued(t, g, 1)
	require.True(t, g.Abandon(stuck.ID()))
	next := <-waits
	assert.Equal(t, [3]int{1, 0, 1}, counts(g))
	assert.Equal(t, []string{"waits", "stuck"}, g.Inside())
	assert.Same(t, stuck, g.Permit(stuck.ID()))
	assert.True(t, g.Abandon(stuck.ID()), "it is already")
	assert.False(t, g.Abandon(next.ID()), "one may be abandoned")
	assert.Equal(t, [3]int{1, 0, 1}, counts(g))
	stuck.Leave()
	assert.True(t, g.Abandon(next.ID()))
	assert.Equal(t, [3]int{0, 0, 1}, counts(g))
	gatetest.Enter(t, g, "another").Leave()
	next.Leave()
	assert.Equal(t, [3]int{}, counts(g))
	assert.True(t, g.Abandon(1), "nobody's")
}

func TestNobodyIsAbandonedWhereNoneMayBe(t *testing.T) {
	g := gatetest.Opened(t, gate.Options{Max: 1, MaxAbandoned: -1})
	p := gatetest.Enter(t, g, "stuck")
	assert.False(t, g.Abandon(p.ID()))
	assert.Equal(t, [3]int{1, 0, 0}, counts(g))
	assert.Zero(t, g.Stats().MaxAbandoned)
	p.Leave()
}

// TestAbandonedHolderIsSuspended: it counts again when it comes back, as it has come back from where it was stuck.
func TestAbandonedHolderIsSuspended(t *testing.T) {
	g := gatetest.Opened(t, gate.Options{Max: 1})
	p := gatetest.Enter(t, g, "stuck")
	assert.False(t, g.IsAbandoned(p.ID()))
	require.True(t, g.Abandon(p.ID()))
	assert.True(t, g.IsAbandoned(p.ID()))
	p.Suspend()
	assert.False(t, g.IsAbandoned(p.ID()))
	assert.Equal(t, [3]int{0, 1, 0}, counts(g))
	assert.True(t, g.Abandon(p.ID()), "it has no place to give")
	assert.Equal(t, [3]int{0, 1, 0}, counts(g))
	p.Resume()
	assert.Equal(t, [3]int{1, 0, 0}, counts(g))
	require.True(t, g.Abandon(p.ID()))
	p.Leave()
	assert.Equal(t, [3]int{}, counts(g))
}

func TestDrainWaitsForTheAbandoned(t *testing.T) {
	g := gatetest.Opened(t, gate.Options{Max: 1})
	p := gatetest.Enter(t, g, "stuck")
	require.True(t, g.Abandon(p.ID()))
	var late *gate.DrainError
	require.ErrorAs(t, g.Drain(gatetest.Ended()), &late)
	assert.Equal(t, []string{"stuck"}, late.Inside)
	assert.Equal(t, gate.Draining, g.State())
	p.Leave()
	require.NoError(t, g.Drain(t.Context()))
	assert.Equal(t, gate.Closed, g.State())
}

// TestTotalCountsTheAbandoned: each has an OS thread.
func TestTotalCountsTheAbandoned(t *testing.T) {
	g := gatetest.Opened(t, gate.Options{Max: 1, Total: 2})
	a, b := gatetest.Enter(t, g, "a"), (*gate.Permit)(nil)
	require.True(t, g.Abandon(a.ID()))
	b = gatetest.Enter(t, g, "b")
	require.True(t, g.Abandon(b.ID()))
	_, ok, err := g.TryEnter("c")
	require.NoError(t, err)
	assert.False(t, ok)
	a.Leave()
	gatetest.Enter(t, g, "c").Leave()
	b.Leave()
}

func TestBlockedSaysWhyNobodyCanComeIn(t *testing.T) {
	errThreads := errors.New("two threads are all there are")
	for name, c := range map[string]struct {
		options gate.Options
		says    string
	}{
		"permits": {gate.Options{Max: 1, MaxAbandoned: 1}, "all 1 permits are held"},
		"total":   {gate.Options{Max: 1, Total: 2}, "2 calls, of which 2 are stuck, have a thread each"},
		"threads": {gate.Options{Max: 9, Base: 9, Threads: func(n int) error {
			if n > 2 {
				return errThreads
			}
			return nil
		}}, "no thread for one more: two threads are all there are"},
	} {
		t.Run(name, func(t *testing.T) {
			g := gatetest.Opened(t, c.options)
			assert.Empty(t, g.Blocked(0))
			a := gatetest.Enter(t, g, "a")
			require.True(t, g.Abandon(a.ID()))
			assert.Empty(t, g.Blocked(0), "there is room")
			b := gatetest.Enter(t, g, "b")
			assert.Empty(t, g.Blocked(0), "b will leave")
			stuck := 0
			if !g.Abandon(b.ID()) {
				stuck = 1
			}
			assert.Contains(t, g.Blocked(stuck), c.says)
			a.Leave()
			b.Leave()
			assert.Empty(t, g.Blocked(0))
		})
	}
}
