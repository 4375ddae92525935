package pickle

import (
	"fmt"
	"sync"
)

// Arena is what pickles that belong together are read into: one, and those that lie in its bytes. The limits of nodes,
// memory and hashes are for all of them. Free gives its memory to the next arena. It is for one goroutine.
type Arena struct {
	limits Limits
	nodes  int // made so far
	memory int64
	hashes int

	spare    []Node
	pointers []*Node
	kept     [keptNodes]Node // the first of spare
	keptPtrs [2 * keptNodes]*Node
}

// keptNodes is how many nodes an arena has without allocating: those of a call with an array or a few other arguments.
const keptNodes = 64

var arenas = sync.Pool{New: func() any { return new(Arena) }}

// NewArena makes an arena with limits.
func NewArena(limits *Limits) *Arena {
	a := arenas.Get().(*Arena)
	a.limits = limits.withDefaults()
	a.spare, a.pointers = a.kept[:], a.keptPtrs[:]
	return a
}

// Read is [Read] within the arena: the tree is good until its Free.
func (a *Arena) Read(parts [][]byte) (*Node, error) {
	r := readers.Get().(*reader)
	defer r.leave()
	r.limits = a.limits
	if r.limits.Nodes -= a.nodes; r.limits.Nodes <= 0 {
		return nil, &Error{Rule: fmt.Sprintf("pickles within each other have %d objects at most", a.limits.Nodes)}
	}
	r.memory, r.hashes = a.memory, a.hashes
	r.open(parts)
	r.slab.nodes, r.slab.pointers = a.spare, a.pointers
	a.spare, a.pointers = nil, nil // until it is known what was used: a panic must leave none of that to the next arena
	ok := r.run()
	left := r.left + len(r.slab.nodes)
	a.nodes += r.limits.Nodes - left
	a.memory, a.hashes = r.memory, r.hashes
	a.spare, a.pointers = r.slab.nodes, r.slab.pointers
	if !ok {
		return nil, r.err
	}
	return r.stack[0].node, nil
}

// Node makes a node that is not of a pickle.
func (a *Arena) Node() *Node {
	if len(a.spare) == 0 {
		a.spare = make([]Node, keptNodes)
	}
	n := &a.spare[0]
	a.spare = a.spare[1:]
	return n
}

// List makes a list of nodes.
func (a *Arena) List(nodes ...*Node) []*Node {
	if len(nodes) > len(a.pointers) {
		return append([]*Node(nil), nodes...)
	}
	list := a.pointers[:len(nodes):len(nodes)]
	a.pointers = a.pointers[len(nodes):]
	copy(list, nodes)
	return list
}

// Free takes back what was read and made. Nothing may refer to its nodes afterwards. What [Write] gave does not, unless a
// Given is of this arena; nor do text and data.
func (a *Arena) Free() {
	clear(a.kept[:used(a.kept[:], a.spare)])
	clear(a.keptPtrs[:used(a.keptPtrs[:], a.pointers)])
	a.spare, a.pointers = nil, nil
	a.nodes, a.memory, a.hashes = 0, 0, 0
	a.limits = Limits{}
	arenas.Put(a)
}

// used is how many of the first of all may have been handed out, if rest is left: all of them, unless rest is their end.
func used[T any](all, rest []T) int {
	size := cap(rest)
	if size == 0 || size > len(all) || &rest[:size][size-1] != &all[len(all)-1] {
		return len(all)
	}
	return len(all) - size
}
