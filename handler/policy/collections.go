package policy

import "github.com/gopyrpc/gopyrpc/handler/pickle"

// makeOrderedDict is one with its items after it, and then its attributes: torch's state_dict has _metadata.
func makeOrderedDict(r *reading, n *pickle.Node, args []*pickle.Node) error {
	if len(args) != 0 {
		return errShape
	}
	var state []pickle.Change
	if last := len(n.Changes) - 1; last >= 0 && n.Changes[last].Kind == pickle.Build {
		n.Changes, state = n.Changes[:last], []pickle.Change{n.Changes[last]}
		if !areAttributes(state[0].Items[0]) {
			return errShape
		}
	}
	if err := r.fill(n, pickle.SetItem, "update_ordered"); err != nil {
		return err
	}
	return r.change(n, state)
}

// areAttributes says whether a state is attributes that an OrderedDict may get: none in the place of its methods, by
// which CPython reads one.
func areAttributes(state *pickle.Node) bool {
	if state.Kind != pickle.Dict || !hasNames(state) {
		return false
	}
	for i := 0; i < len(state.Items); i += 2 {
		switch state.Items[i].Text {
		case "clear", "copy", "fromkeys", "get", "items", "keys", "move_to_end", "pop", "popitem", "setdefault", "update", "values":
			return false
		}
	}
	return true
}

// makeDefaultDict is a factory, and items.
func makeDefaultDict(r *reading, n *pickle.Node, args []*pickle.Node) error {
	if len(args) > 1 {
		return errShape
	}
	factory := append([]*pickle.Node{}, args...)
	for i := range factory {
		if factory[i].Kind != pickle.Global && !isNone(factory[i]) {
			return errShape
		}
		if err := r.value(&factory[i]); err != nil {
			return err
		}
	}
	return r.fill(n, pickle.SetItem, "update_dict", factory...)
}

// makeCounter is made of a dict.
func makeCounter(r *reading, n *pickle.Node, args []*pickle.Node) error {
	if len(args) != 1 || args[0].Kind != pickle.Dict {
		return errShape
	}
	if err := r.arena.CheckKeys(args[0]); err != nil { // a copy compares again, and a dict can be copied often
		return err
	}
	if err := r.visit(args[0]); err != nil {
		return err
	}
	r.becomeSame(n, args...)
	return nil
}

// makeDeque is a bound, and elements in it or after it.
func makeDeque(r *reading, n *pickle.Node, args []*pickle.Node) error {
	args = append([]*pickle.Node{}, args...)
	switch {
	case len(args) > 2:
		return errShape
	case len(args) == 2 && !isNone(args[1]) && !isCount(args[1]):
		return errShape
	case len(args) > 0 && args[0].Kind != pickle.List && (args[0].Kind != pickle.Tuple || len(args[0].Items) > 0):
		return errShape
	case len(args) > 0:
		if err := r.visit(args[0]); err != nil {
			return err
		}
	}
	return r.fill(n, pickle.Append, "extend_deque", args...)
}

// fill is a call of the very class, after which items come: of one kind, and nothing else.
func (r *reading) fill(n *pickle.Node, kind pickle.ChangeKind, standIn string, args ...*pickle.Node) error {
	changes := n.Changes
	for _, c := range changes {
		if c.Kind != kind {
			return errShape
		}
	}
	r.becomeSame(n, args...)
	for _, c := range changes {
		if err := r.values(c.Items); err != nil {
			return err
		}
		list := &pickle.Node{Kind: pickle.List, Offset: c.Offset, Items: c.Items, Mark: seen}
		if kind == pickle.SetItem {
			list = &pickle.Node{Kind: pickle.Dict, Offset: c.Offset, Items: c.Items, Mark: seen}
		}
		r.then(n, c.Offset, standIn, list)
	}
	return nil
}
