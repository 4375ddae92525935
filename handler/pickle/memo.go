package pickle

// put reads MEMOIZE, BINPUT and LONG_BINPUT, by which CPython's pickler remembers what it has just written.
func (r *reader) put() bool {
	index := len(r.memo)
	if r.op != opMemoize {
		width := 1
		if r.op == opLongBinPut {
			width = 4
		}
		b, ok := r.argument(width)
		if !ok {
			return false
		}
		if littleEndian(b) != uint64(index) {
			return r.fail("the memo's indices count up from 0, and each is given once")
		}
	}
	top, ok := r.top()
	if !ok {
		return false
	}
	if !top.own || top.node.memoized {
		return r.fail("what is memoized was made just now, and was not memoized before")
	}
	if !canBeShared(top.node) {
		return r.fail("None, True, False, int, float and () are not memoized")
	}
	top.node.memoized = true
	r.memo = append(r.memo, top.node)
	return true
}

// canBeShared says whether CPython's pickler memoizes such a value.
func canBeShared(n *Node) bool {
	switch n.Kind {
	case None, Bool, Int, Float:
		return false
	case Tuple:
		return len(n.Items) > 0
	}
	return true
}

// get reads BINGET and LONG_BINGET.
func (r *reader) get() bool {
	width := 1
	if r.op == opLongBinGet {
		width = 4
	}
	b, ok := r.argument(width)
	if !ok {
		return false
	}
	index := littleEndian(b)
	if index >= uint64(len(r.memo)) {
		return r.fail("what is fetched from the memo was put there before")
	}
	return r.pushShared(r.memo[index])
}

// top is the uppermost value within reach.
func (r *reader) top() (*slot, bool) {
	above, ok := r.above(1)
	if !ok {
		return nil, false
	}
	return &above[0], true
}

// above returns the n uppermost values, which must be above the last mark. They stay on the stack.
func (r *reader) above(n int) ([]slot, bool) {
	if len(r.stack)-r.fence < n {
		r.fail("the stack has the values that the opcode takes, above the last mark")
		return nil, false
	}
	return r.stack[len(r.stack)-n:], true
}

// toMark takes the last mark away and returns the values that were above it. They stay on the stack.
func (r *reader) toMark() ([]slot, bool) {
	if len(r.marks) == 0 {
		r.fail("there is a mark on the stack")
		return nil, false
	}
	values := r.stack[r.fence:]
	r.marks = r.marks[:len(r.marks)-1]
	r.fence = 0
	if len(r.marks) > 0 {
		r.fence = r.marks[len(r.marks)-1]
	}
	return values, true
}

// drop takes the n uppermost values from the stack.
func (r *reader) drop(n int) { r.stack = r.stack[:len(r.stack)-n] }
