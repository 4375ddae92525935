package pickle

import (
	"math"
	"slices"
)

// pop reads POP. CPython's pickler writes it in three cases: behind a call that sets the state of the object below;
// where a tuple of up to three elements holds itself, so that writing its elements has written it already; and
// likewise where an object is among the arguments of the call that makes it. In the last two the thing itself
// is fetched from the memo next, and what is dropped has no effect of its own.
func (r *reader) pop() bool {
	top, ok := r.top()
	if !ok {
		return false
	}
	if node := top.node; top.own && !node.memoized && (node.Kind == Reduce || node.Kind == Instance) {
		if r.isStateSetter(node) {
			args := node.Items[1].Items
			return r.setState(args[0], Setter, node.Items[0], args[1])
		}
		r.drop(1)
		return r.refetchObject(node)
	}
	count := 1
	for ; count < 3 && r.peek(opPop); count++ {
		r.take(1)
	}
	dropped, ok := r.above(count)
	if !ok {
		return false
	}
	return r.refetch(dropped, Tuple)
}

// popMark reads POP_MARK: as POP, for a frozenset, and for a tuple of more elements.
func (r *reader) popMark() bool {
	dropped, ok := r.toMark()
	if !ok {
		return false
	}
	return r.refetch(dropped, FrozenSet, Tuple)
}

// isStateSetter says whether a call has the object below it as its first argument and changes it.
func (r *reader) isStateSetter(call *Node) bool {
	if call.Kind != Reduce || len(call.Changes) > 0 || call.Items[1].memoized || len(r.stack)-r.fence < 2 {
		return false
	}
	below := r.stack[len(r.stack)-2]
	args := call.Items[1].Items
	return below.own && len(args) == 2 && args[0] == below.node && (below.node.Kind == Reduce || below.node.Kind == Instance)
}

// peek says whether the next opcode is there, in the same frame, and this one.
func (r *reader) peek(op byte) bool {
	if r.rest() == 0 {
		return false
	}
	if r.pos == len(r.window) {
		r.refill(1)
	}
	return r.window[r.pos] == op
}

// refetch takes values away, which must be the elements of what is fetched next.
func (r *reader) refetch(dropped []slot, kinds ...Kind) bool {
	n, ok := r.fetch()
	if !ok {
		return false
	}
	fits := slices.Contains(kinds, n.Kind) && len(n.Items) == len(dropped) && len(dropped) > 0
	for i := 0; fits && i < len(dropped); i++ {
		fits = isSame(dropped[i].node, n.Items[i])
	}
	if !fits {
		return r.fail("what is dropped are the elements of a tuple or frozenset that is fetched instead")
	}
	for _, value := range dropped {
		// The elements are whole now. They were not when the tuple within them was made.
		if !r.deepen(n, value.node.depth+1) {
			return false
		}
	}
	r.drop(len(dropped) + 1)
	return r.pushShared(n)
}

// refetchObject is refetch for an object that was dropped. Its arguments must be the very same: a set, which is called
// with a new list each time, is read in such a place from protocol 4 on, where no call makes it.
func (r *reader) refetchObject(dropped *Node) bool {
	n, ok := r.fetch()
	if !ok {
		return false
	}
	same := n.Kind == dropped.Kind && len(n.Items) == len(dropped.Items) && n.Items[0] == dropped.Items[0] &&
		(len(n.Items) == 2 || n.Items[2] == dropped.Items[2]) && len(dropped.Changes) == 0
	if !same || !areSame(n.Items[1].Items, dropped.Items[1].Items) {
		return r.fail("what is dropped is an object that the same call with the same arguments has made before")
	}
	return r.deepen(n, dropped.depth)
}

func areSame(a, b []*Node) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !isSame(a[i], b[i]) {
			return false
		}
	}
	return true
}

// fetch reads the next opcode, which must fetch something from the memo, and returns that: it is on the stack.
func (r *reader) fetch() (*Node, bool) {
	if !r.peek(opBinGet) && !r.peek(opLongBinGet) {
		return nil, r.fail("what is dropped is fetched from the memo instead, at once")
	}
	at, op := r.at, r.op
	r.at, r.op = r.offset(), r.take(1)[0]
	if !r.get() {
		return nil, false
	}
	r.at, r.op = at, op
	return r.stack[len(r.stack)-1].node, true
}

// isSame says whether two nodes are one value: the same node, or equal ones of the kinds that have no identity.
func isSame(a, b *Node) bool {
	if a == b {
		return true
	}
	if a.Kind != b.Kind || canBeShared(a) || canBeShared(b) {
		return false
	}
	switch a.Kind {
	case Int:
		return a.Int == b.Int && (a.Big == nil) == (b.Big == nil) && (a.Big == nil || a.Big.Cmp(b.Big) == 0)
	case Float:
		return floatBits(a) == floatBits(b)
	}
	return false // None, True, False and () are one node each
}

func floatBits(n *Node) uint64 { return math.Float64bits(n.Float) }
