package pickle_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// What an arena hands out says nothing of what it was before, however much of it that took.
func TestNodesOfAnArenaAreNew(t *testing.T) {
	limits := pickle.Limits{Nodes: 1000}
	for size := range 64 {
		for made := range 4 {
			arena := pickle.NewArena(&limits)
			var nodes []*pickle.Node
			for range made {
				nodes = append(nodes, arena.Node())
			}
			tree, err := arena.Read([][]byte{[]byte("\x80\x05(" + strings.Repeat("\x8c\x01a", size) + "t.")})
			require.NoError(t, err)
			for range made {
				nodes = append(nodes, arena.Node())
			}
			for _, n := range append(nodes, tree) {
				require.True(t, n == tree || assert.ObjectsAreEqual(pickle.Node{}, *n), "%d and %d", size, made)
				n.Text, n.Mark, n.Items = "used", 1, arena.List(nodes...)
			}
			arena.Free()

			arena = pickle.NewArena(&limits)
			for i := range 64 {
				require.Equal(t, pickle.Node{}, *arena.Node(), "node %d after %d and %d", i, size, made)
			}
			arena.Free()
		}
	}
}

// A list is the caller's own: what is added to it lies elsewhere.
func TestListsOfAnArenaDoNotMeet(t *testing.T) {
	arena := pickle.NewArena(&pickle.Limits{})
	defer arena.Free()
	one, two := pickle.NewInt(1), pickle.NewInt(2)
	for range 60 { // more than an arena has
		first, second := arena.List(one), arena.List(two, two)
		assert.Len(t, append(first, one, one), 3)
		assert.Equal(t, []*pickle.Node{two, two}, second)
	}
}
