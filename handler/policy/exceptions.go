package policy

import "github.com/pyrpc/pyrpc/handler/pickle"

// makeException is an exception of builtins or of this package, and its attributes.
func makeException(r *reading, n *pickle.Node, args []*pickle.Node) error {
	changes := n.Changes
	if len(changes) > 1 || len(changes) == 1 && (changes[0].Kind != pickle.Build || changes[0].Items[0].Kind != pickle.Dict) {
		return errShape
	}
	args = append([]*pickle.Node{}, args...)
	if err := r.values(args); err != nil {
		return err
	}
	if shapes := unicodeErrors[(name{n.Items[0].Module, n.Items[0].Text}).renamed()]; shapes != nil {
		if !holds(args, shapes) || len(changes) == 1 && namesPosition(changes[0].Items[0]) {
			return errShape
		}
	}
	r.becomeSame(n, args...)
	return r.change(n, changes)
}

// unicodeErrors are the exceptions whose text CPython reads out of their object, at positions that it takes for
// granted: before 3.14 a negative one is a read of memory that is not the object's.
var unicodeErrors = map[name][]shape{
	{"builtins", "UnicodeDecodeError"}:    {isStr, isBytes, isCount, isCount, isStr},
	{"builtins", "UnicodeEncodeError"}:    {isStr, isStr, isCount, isCount, isStr},
	{"builtins", "UnicodeTranslateError"}: {isStr, isCount, isCount, isStr},
}

// namesPosition says whether a state sets what such an exception keeps in C. Pickle writes none of it there.
func namesPosition(state *pickle.Node) bool {
	for i := 0; i < len(state.Items); i += 2 {
		if key := state.Items[i]; isStr(key) && (key.Text == "object" || key.Text == "start" || key.Text == "end") {
			return true
		}
	}
	return false
}
