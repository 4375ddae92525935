package pickle

import "fmt"

// container reads EMPTY_LIST, EMPTY_DICT and EMPTY_SET.
func (r *reader) container() bool {
	kind, memory := List, int64(sizeOfList)
	switch r.op {
	case opEmptyDict:
		kind, memory = Dict, sizeOfDict
	case opEmptySet:
		kind, memory = Set, sizeOfSet
	}
	n := r.node(kind)
	return n != nil && r.grow(memory) && r.push(n)
}

// fixed reads the opcodes of tuple and FROZENSET, which take what is on the stack.
func (r *reader) fixed() bool {
	var values []slot
	var ok bool
	switch r.op {
	case opTuple, opFrozenSet:
		values, ok = r.toMark()
	default:
		values, ok = r.above(int(r.op) - opTuple1 + 1)
	}
	if !ok {
		return false
	}
	kind, memory := Tuple, sizeOfTuple+sizeOfElement*int64(len(values))
	if r.op == opFrozenSet {
		kind, memory = FrozenSet, sizeOfSet+sizeOfMember*int64(len(values))
	}
	n := r.node(kind)
	if n == nil || !r.grow(memory) {
		return false
	}
	n.Items = r.list(len(values))
	for i, value := range values {
		n.Items[i] = value.node
	}
	if !r.nest(n, n.Items) || kind == FrozenSet && !r.keys(n, n.Items, 1) {
		return false
	}
	r.drop(len(values))
	return r.push(n)
}

// nest notes that values are within an object.
func (r *reader) nest(n *Node, values []*Node) bool {
	depth := n.depth
	for _, value := range values {
		depth = max(depth, value.depth+1)
		n.weigh(value)
	}
	return r.deepen(n, depth)
}

// weigh adds the weight of what is within an object. It stops at a weight that no limit allows.
func (n *Node) weigh(value *Node) { n.weight = min(n.weight+value.weight, maxWeight) }

const maxWeight = 1 << 29 // twice as much is an int32, too

// deepen notes that an object has so many levels.
func (r *reader) deepen(n *Node, depth int32) bool {
	n.depth = max(n.depth, depth)
	if int(n.depth) > r.limits.Depth {
		return r.fail(fmt.Sprintf("objects nest %d levels deep at most", r.limits.Depth))
	}
	return true
}

// additions returns the values that an opcode adds, one group of them or all that are above the mark, and the
// object below them, which must have been made at this place. The values stay on the stack, and so does the object.
func (r *reader) additions(group int, toMark bool) (target *Node, values []slot, ok bool) {
	if toMark {
		if values, ok = r.toMark(); !ok {
			return nil, nil, false
		}
	} else if values, ok = r.above(group); !ok {
		return nil, nil, false
	}
	if len(values)%group != 0 {
		return nil, nil, r.fail("a value comes with each key")
	}
	if len(r.stack)-len(values)-r.fence < 1 {
		return nil, nil, r.fail("below what is added there is an object, above the last mark")
	}
	below := r.stack[len(r.stack)-len(values)-1]
	if !below.own {
		return nil, nil, r.fail("an object is filled where it was made, before anything else is done with it")
	}
	return below.node, values, true
}

// add moves values from the stack into an object: into its items, or a change of its own. CPython's pickler adds a
// thousand at a time, and other numbers at the end only. So does Write: whenever something is called, an object is as
// full as it was in the original.
func (r *reader) add(target *Node, values []slot, change ChangeKind) ([]*Node, bool) {
	var added []*Node
	if target.Kind == Reduce || target.Kind == Instance {
		if last := len(target.Changes) - 1; last >= 0 && target.Changes[last].Kind != change {
			target.short = false
		}
		room, ok := r.change(target, change, len(values))
		if !ok {
			return nil, false
		}
		added = room
	} else if old := len(target.Items); old == 0 {
		target.Items = r.list(len(values))
		added = target.Items
	} else {
		target.Items = append(target.Items, r.list(len(values))...)
		added = target.Items[old:]
	}
	count := len(values)
	if change == SetItem {
		count /= 2
	}
	if target.short {
		return nil, r.fail(fmt.Sprintf("additions are of %d values, but for the last", batchSize))
	}
	target.short = count != batchSize
	for i, value := range values {
		added[i] = value.node
	}
	r.drop(len(values))
	return added, r.nest(target, added)
}

// appends reads APPEND and APPENDS.
func (r *reader) appends() bool {
	target, values, ok := r.additions(1, r.op == opAppends)
	if !ok {
		return false
	}
	if target.Kind != List && target.Kind != Reduce && target.Kind != Instance {
		return r.fail("what is appended to is a list, or an object that a call or a class made")
	}
	if !r.grow(sizeOfItem * int64(len(values))) {
		return false
	}
	_, ok = r.add(target, values, Append)
	return ok
}

// setItems reads SETITEM and SETITEMS.
func (r *reader) setItems() bool {
	target, values, ok := r.additions(2, r.op == opSetItems)
	if !ok {
		return false
	}
	if target.Kind != Dict && target.Kind != Reduce && target.Kind != Instance {
		return r.fail("whose items are set is a dict, or an object that a call or a class made")
	}
	memory := sizeOfKeyValue * int64(len(values)/2)
	if target.Kind == Dict && len(target.Items) == 0 {
		memory = max(memory, sizeOfEntries)
	}
	if !r.grow(memory) {
		return false
	}
	added, ok := r.add(target, values, SetItem)
	return ok && r.keys(target, added, 2)
}

// addItems reads ADDITEMS.
func (r *reader) addItems() bool {
	target, values, ok := r.additions(1, true)
	if !ok {
		return false
	}
	if target.Kind != Set && target.Kind != Reduce && target.Kind != Instance {
		return r.fail("what is added to is a set, or an object that a call or a class made")
	}
	if !r.grow(sizeOfMember * int64(len(values))) {
		return false
	}
	added, ok := r.add(target, values, AddItem)
	return ok && r.keys(target, added, 1)
}
