package pickle

// keys looks at nodes that become keys of a dict or members of a set: every group-th of added.
func (r *reader) keys(target *Node, added []*Node, group, before int) bool {
	for i := 0; i < len(added); i += group {
		if !r.key(added[i]) {
			return false
		}
	}
	return true
}

func (r *reader) key(n *Node) bool {
	switch n.Kind {
	case List, Dict, Set, ByteArray:
		return r.fail("a key can be hashed")
	}
	return true
}

func (r *reader) checkKeys() bool { return true }
