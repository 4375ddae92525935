package pickle

import "fmt"

// The work of a dict or a set grows with the square of its keys if these have one hash, or hashes that lead to the same
// places of its table; and a hash visits a tuple that a tuple has twice two times. Both would keep CPython busy for hours,
// with the GIL held, from a few kilobytes. Keys that are text or bytes cannot be chosen so: their hash has a
// secret.

// keys looks at nodes that become keys of a dict or elements of a set: every group-th of added.
func (r *reader) keys(target *Node, added []*Node, group int) bool {
	others := false
	for i := 0; i < len(added); i += group {
		switch key := added[i]; key.Kind {
		case Str, Bytes, Global:
		case List, Dict, Set, ByteArray:
			return r.fail("a key of a dict or an element of a set has a hash, and a list, dict, set or bytearray has none")
		case Tuple, FrozenSet, Reduce, Instance:
			others = true
			if !r.weighKey(key) {
				return false
			}
		default:
			others = true
			r.hashes += int(key.weight)
		}
	}
	if others && !target.keyed && countKeys(target, group) > r.limits.fewKeys() {
		target.keyed = true
		r.keyed = append(r.keyed, target)
	}
	if r.hashes > r.limits.HashNodes {
		return r.fail(fmt.Sprintf("the hashes of all keys visit %d objects at most, shared ones each time", r.limits.HashNodes))
	}
	return true
}

// weighKey counts what the hash of a key visits, at the latest when it is taken.
func (r *reader) weighKey(key *Node) bool {
	r.hashes += int(key.weight)
	left := r.limits.KeyNodes
	if !isHashable(key, &left) {
		return r.fail("a key of a dict or an element of a set has a hash, and what a tuple in it holds has none")
	}
	if left < 0 {
		return r.fail(fmt.Sprintf("the hash of a key visits %d objects at most, shared ones each time", r.limits.KeyNodes))
	}
	return true
}

// isHashable says whether CPython can hash a key, as far as its kind says. It visits what a hash would, up to left
// nodes, and what an object has is for its class to hash.
func isHashable(n *Node, left *int) bool {
	if *left--; *left < 0 {
		return true
	}
	switch n.Kind {
	case List, Dict, Set, ByteArray:
		return false
	case Tuple, FrozenSet:
		for _, item := range n.Items {
			if !isHashable(item, left) {
				return false
			}
		}
	}
	return true
}

// fewKeys is how many keys need no look, whatever they are.
func (l *Limits) fewKeys() int { return min(l.EqualKeys, l.ObjectKeys) }

func countKeys(n *Node, group int) int {
	count := len(n.Items)
	if n.Kind == Reduce || n.Kind == Instance {
		count = 0
		for i := range n.Changes {
			if kind := n.Changes[i].Kind; kind == SetItem || kind == AddItem {
				count += len(n.Changes[i].Items)
			}
		}
	}
	return count / group
}

// checkKeys looks at the dicts and sets that have more than a few keys of which one is not text or bytes.
func (r *reader) checkKeys() bool {
	for _, n := range r.keyed {
		rule, compared := n.checkKeys(&r.limits)
		if rule != "" {
			return r.failAt(n.Offset, "", rule)
		}
		if r.hashes += compared; r.hashes > r.limits.HashNodes {
			return r.failAt(n.Offset, "", fmt.Sprintf("the hashes of all keys, and what of equal hash is compared, visit %d objects at most", r.limits.HashNodes))
		}
	}
	return true
}

// CheckKeys looks at the keys of a Dict, or the elements of a Set or a FrozenSet, as [Read] does: it is for those that
// were made of something else. The error is an [*Error].
func (l Limits) CheckKeys(n *Node) error {
	r := reader{limits: l.withDefaults()}
	return r.checkKeysOf(n)
}

// CheckKeys is [Limits.CheckKeys] for what belongs to the arena's pickles: its limits are for all of it together.
func (a *Arena) CheckKeys(n *Node) error {
	r := reader{limits: a.limits, hashes: a.hashes}
	err := r.checkKeysOf(n)
	a.hashes = r.hashes
	return err
}

func (r *reader) checkKeysOf(n *Node) error {
	r.at = n.Offset
	group := 1
	if n.Kind == Dict {
		group = 2
	}
	if !r.keys(n, n.Items, group) || !r.checkKeys() {
		return r.err
	}
	return nil
}

// checkKeys returns the rule that the keys break, or "", and how many objects are compared to tell those of one hash.
func (n *Node) checkKeys(limits *Limits) (rule string, compared int) {
	sets, dicts := setTable{}, dictTable{}
	if n.Kind == Set || n.Kind == FrozenSet {
		rule = eachKey(n.Items, 1, limits, &sets.table, sets.add)
		return rule, sets.compared
	}
	if n.Kind == Dict {
		rule = eachKey(n.Items, 2, limits, &dicts.table, dicts.add)
		return rule, dicts.compared
	}
	for _, change := range n.Changes {
		switch change.Kind {
		case SetItem:
			rule = eachKey(change.Items, 2, limits, &dicts.table, dicts.add)
		case AddItem:
			rule = eachKey(change.Items, 1, limits, &sets.table, sets.add)
		}
		if rule != "" {
			break
		}
	}
	return rule, sets.compared + dicts.compared
}

// objectsPerNode is how many comparisons of objects count as one: that all have one hash is the worst case.
const objectsPerNode = 4

// eachKey adds keys to a table, and returns the rule that they break.
func eachKey(items []*Node, group int, limits *Limits, t *table, add func(uint64) int) string {
	for i := 0; i < len(items); i += group {
		hash, ok := HashOf(items[i], limits.Hash)
		if !ok {
			t.compared += t.objects / objectsPerNode
			t.objects++
			if t.objects > limits.ObjectKeys {
				return fmt.Sprintf("a dict or a set has %d keys at most that are objects", limits.ObjectKeys)
			}
			continue
		}
		equal := add(hash)
		t.compared += equal * int(items[i].weight)
		if equal >= limits.EqualKeys {
			return fmt.Sprintf("a dict or a set has %d keys of one hash at most", limits.EqualKeys)
		}
		if t.visits > visitsPerKey*(t.used+limits.EqualKeys) {
			return fmt.Sprintf("the hashes of a dict's or a set's keys differ so that one takes %d steps on average at most", visitsPerKey)
		}
	}
	return ""
}
