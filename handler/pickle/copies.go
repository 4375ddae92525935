package pickle

// hand counts what it may take to give arguments, or a state, to a call or an object: these may copy what they get, as
// set does a list, an instance the dict of its state, and an array its bytes. From the memo a large one can be given to
// many, with a few bytes for each.
func (r *reader) hand(n *Node) bool {
	if !r.grow(sizeOfCopy(n)) {
		return false
	}
	if n.Kind == Tuple {
		for _, item := range n.Items {
			if !r.grow(sizeOfCopy(item)) {
				return false
			}
		}
	}
	return true
}

// sizeOfCopy is what a copy takes. The first of text and bytes is free: the peer has sent as much.
func sizeOfCopy(n *Node) int64 {
	switch n.Kind {
	case Tuple:
		return sizeOfElement * int64(len(n.Items))
	case List, Set, FrozenSet:
		return sizeOfMember * int64(len(n.Items))
	case Dict:
		return sizeOfKeyValue * int64(len(n.Items)/2)
	case Str, Bytes, ByteArray:
		if n.given {
			return int64(len(n.Text) + dataSize(n))
		}
		n.given = true
	}
	return 0
}
