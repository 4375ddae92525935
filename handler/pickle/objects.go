package pickle

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// maxName is the longest name of a module or in one, in bytes.
const maxName = 1024

// global reads GLOBAL and STACK_GLOBAL.
func (r *reader) global() bool {
	var module, name string
	if r.op == opStackGlobal {
		names, ok := r.above(2)
		if !ok {
			return false
		}
		if names[0].node.Kind != Str || names[1].node.Kind != Str {
			return r.fail("a global is named by two str")
		}
		module, name = names[0].node.Text, names[1].node.Text
		r.drop(2)
	} else {
		var ok bool
		if module, ok = r.line(); !ok {
			return false
		}
		if name, ok = r.line(); !ok {
			return false
		}
	}
	if !isName(module) || !isName(name) {
		return r.fail(fmt.Sprintf("the name of a global is UTF-8 without control characters, 1 to %d bytes", maxName))
	}
	n := r.node(Global)
	if n == nil {
		return false
	}
	n.Module, n.Text = module, name
	return r.push(n)
}

// line reads up to the end of a line.
func (r *reader) line() (string, bool) {
	size := min(maxName+1, r.rest())
	if size > 0 {
		if len(r.window)-r.pos < size {
			r.refill(size)
		}
		if end := bytes.IndexByte(r.window[r.pos:r.pos+size], '\n'); end >= 0 {
			return textOf(r.take(end + 1)[:end]), true
		}
	}
	return "", r.fail(fmt.Sprintf("the name of a global ends its line within %d bytes, and within its frame", maxName))
}

func isName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f {
			return isWideName(s[i:])
		}
	}
	return true
}

// isWideName is isName for what is not ASCII.
func isWideName(s string) bool {
	for _, c := range s {
		if c < 0x20 || 0x7f <= c && c < 0xa0 {
			return false
		}
	}
	return utf8.ValidString(s)
}

// object reads REDUCE, NEWOBJ and NEWOBJ_EX.
func (r *reader) object() bool {
	kind, count := Instance, 2
	switch r.op {
	case opReduce:
		kind = Reduce
	case opNewObjEx:
		count = 3
	}
	values, ok := r.above(count)
	if !ok {
		return false
	}
	callable := values[0].node
	if callable.Kind != Global && callable.Kind != Reduce && callable.Kind != Instance {
		return r.fail("what is called is a global, or an object that a call or a class made")
	}
	if values[1].node.Kind != Tuple {
		return r.fail("the arguments are a tuple")
	}
	if !r.hand(values[1].node) || count == 3 && !r.hand(values[2].node) {
		return false
	}
	if count == 3 && !isKeywords(values[2].node) {
		return r.fail("the keyword arguments are a dict whose keys are str")
	}
	n := r.node(kind)
	if n == nil || !r.grow(sizeOfObject) {
		return false
	}
	n.Items = r.list(count)
	for i, value := range values {
		n.Items[i] = value.node
		n.weigh(value.node)
		// The arguments are no level of their own: their elements are one below the object.
		if depth := value.node.depth; !r.deepen(n, depth+b2i(i == 0)) {
			return false
		}
	}
	r.drop(count)
	return r.push(n)
}

func isKeywords(n *Node) bool {
	if n.Kind != Dict {
		return false
	}
	for i := 0; i < len(n.Items); i += 2 {
		if n.Items[i].Kind != Str {
			return false
		}
	}
	return true
}

func b2i(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// change adds a change with room for so many nodes, or the room to the last change where that is of the same kind. It
// returns the room. A pickler writes changes in the order of their kinds, and one state.
func (r *reader) change(target *Node, kind ChangeKind, size int) ([]*Node, bool) {
	if last := len(target.Changes) - 1; last >= 0 {
		c := &target.Changes[last]
		if c.Kind >= Build || c.Kind > kind {
			return nil, r.fail("an object gets its elements, then its items, then one state")
		}
		if c.Kind == kind {
			old := len(c.Items)
			c.Items = append(c.Items, r.list(size)...)
			return c.Items[old:], true
		}
	}
	items := r.list(size)
	target.Changes = append(target.Changes, Change{Kind: kind, Offset: r.at, Items: items})
	return items, true
}

// build reads BUILD.
func (r *reader) build() bool {
	target, values, ok := r.additions(1, false)
	if !ok {
		return false
	}
	if target.Kind != Reduce && target.Kind != Instance {
		return r.fail("what gets a state is an object that a call or a class made")
	}
	return r.hand(values[0].node) && r.setState(target, Build, values[0].node)
}

// setState makes the nodes a last change of an object, and drops the uppermost value.
func (r *reader) setState(target *Node, kind ChangeKind, nodes ...*Node) bool {
	room, ok := r.change(target, kind, len(nodes))
	if !ok {
		return false
	}
	copy(room, nodes)
	for _, n := range nodes {
		target.weigh(n)
		// Nor is a dict or a tuple that is the state a level of its own: it has one below it.
		depth := n.depth + 1
		if n.Kind == Dict || n.Kind == Tuple {
			depth = n.depth
		}
		if !r.deepen(target, depth) {
			return false
		}
	}
	r.drop(1)
	return true
}
