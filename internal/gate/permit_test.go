package gate_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/gatetest"
)

func TestPermitIsFoundByID(t *testing.T) {
	g := gatetest.Opened(t, gate.Options{Base: 3, Max: 3})
	a, b, c := gatetest.Enter(t, g, "a"), gatetest.Enter(t, g, "b"), gatetest.Enter(t, g, "c")
	assert.Len(t, map[int]bool{a.ID(): true, b.ID(): true, c.ID(): true}, 3)
	assert.Same(t, b, g.Permit(b.ID()))
	b.Suspend()
	assert.Same(t, b, g.Permit(b.ID()), "still out while suspended")
	b.Resume()
	for _, p := range []*gate.Permit{a, b, c} {
		id := p.ID()
		p.Leave()
		assert.Nil(t, g.Permit(id))
	}
	for _, id := range []int{-1, 0, 4, 1 << 30} {
		assert.Nil(t, g.Permit(id))
	}
}

func TestPermitIDsStaySmall(t *testing.T) {
	g := gatetest.Opened(t, gate.Options{Base: 2, Max: 2})
	keeper := gatetest.Enter(t, g, "keeper")
	for range 100 {
		p := gatetest.Enter(t, g, "call")
		assert.LessOrEqual(t, p.ID(), 2)
		p.Leave()
	}
	keeper.Leave()
}

func TestInsideListsLabelsOldestFirst(t *testing.T) {
	g := gatetest.Opened(t, gate.Options{Base: 3, Max: 3})
	a, b, c := gatetest.Enter(t, g, "a"), gatetest.Enter(t, g, "b"), gatetest.Enter(t, g, "c")
	assert.Equal(t, []string{"a", "b", "c"}, g.Inside())
	a.Suspend()
	assert.Equal(t, []string{"b", "c", "a"}, g.Inside(), "suspended last")
	a.Resume()
	b.Leave()
	assert.Equal(t, []string{"c", "a"}, g.Inside())
	c.Leave()
	a.Leave()
	assert.Empty(t, g.Inside())
}

func TestSuspendMakesRoom(t *testing.T) {
	g := gatetest.Opened(t, gate.Options{Max: 1})
	outer := gatetest.Enter(t, g, "outer")
	outer.Suspend()
	inner := gatetest.Enter(t, g, "inner")
	s := g.Stats()
	assert.Equal(t, [2]int{1, 1}, [2]int{s.Inside, s.Suspended})
	inner.Leave()
	outer.Resume()
	outer.Leave()
	assert.Equal(t, 1, g.Stats().Peak)
}
