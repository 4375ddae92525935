package policy

import "github.com/gopyrpc/gopyrpc/handler/pickle"

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
	if takes := inC[(name{n.Items[0].Module, n.Items[0].Text}).renamed()]; takes != nil && !takes(args) {
		return errShape
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

// inC are other classes of exceptions that look into their arguments in C, and what these must be: of a range, which is
// a few bytes here, CPython would make a tuple, and of an instance it would call what is listed nowhere.
// python/gopyrpc/_attributes.py has the same rule.
var inC = map[name]func(args []*pickle.Node) bool{}

func init() {
	for names, takes := range map[string]func([]*pickle.Node) bool{
		"SyntaxError IndentationError TabError": second(isSequence),
		"BaseExceptionGroup ExceptionGroup":     second(isSequence),
		"OSError IOError EnvironmentError BlockingIOError": func(args []*pickle.Node) bool {
			return len(args) < 3 || args[2].Kind != pickle.Reduce || args[2].Mark != instance && args[2].Items[0] != standIns["value"]
		},
	} {
		for n := range namesOf("builtins " + names) {
			inC[n] = takes
		}
	}
}

// second asks for a shape of the second argument, where there is one.
func second(is shape) func([]*pickle.Node) bool {
	return func(args []*pickle.Node) bool { return len(args) < 2 || is(args[1]) }
}

func isSequence(n *pickle.Node) bool { return n.Kind == pickle.Tuple || n.Kind == pickle.List }
