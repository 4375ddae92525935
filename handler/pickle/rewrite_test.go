package pickle_test

import (
	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// rewriter turns what the canonical pickle does not have into calls of the functions of testdata/peer.py, in place.
type rewriter struct {
	seen  map[*pickle.Node]bool
	real  bool // names are looked up, by their names of Python 3
	once  bool // the changes of an object are one call, as Read takes it, and not one each
	apply *pickle.Node
	new   *pickle.Node
}

// rewrite makes a tree ready for Write.
func rewrite(root *pickle.Node, real, once bool) *pickle.Node {
	r := &rewriter{
		seen: map[*pickle.Node]bool{}, real: real, once: once, apply: pickle.NewGlobal("canonical", "apply"),
		new: pickle.NewGlobal("canonical", "new"),
	}
	r.node(root)
	return root
}

var kinds = map[pickle.ChangeKind]string{
	pickle.Append: "append", pickle.SetItem: "set", pickle.AddItem: "add", pickle.Build: "state",
	pickle.Setter: "setter",
}

func (r *rewriter) node(n *pickle.Node) {
	if r.seen[n] {
		return
	}
	r.seen[n] = true
	if n.Kind == pickle.Global && r.real {
		n.Module, n.Text = renamed(n.Module, n.Text)
	}
	if n.Kind == pickle.Instance {
		n.Kind = pickle.Reduce
		n.Items = []*pickle.Node{r.new, pickle.NewTuple(n.Items...)}
	}
	for _, item := range n.Items {
		r.node(item)
	}
	if len(n.Changes) == 0 {
		return
	}
	var steps []*pickle.Node
	for i, change := range n.Changes {
		for _, item := range change.Items {
			r.node(item)
		}
		step := []*pickle.Node{pickle.NewStr(kinds[change.Kind]), pickle.NewTuple(change.Items...)}
		steps = append(steps, step...)
		n.Changes[i] = pickle.Change{Kind: pickle.Call, Offset: n.Offset, Items: []*pickle.Node{r.apply, pickle.NewTuple(step...)}}
	}
	if r.once {
		items := []*pickle.Node{r.apply, pickle.NewTuple(steps...)}
		n.Changes = []pickle.Change{{Kind: pickle.Call, Offset: n.Offset, Items: items}}
	}
}

// renamed gives the names of Python 3 for those that protocol 2 has of Python 2, as far as the corpus uses them.
func renamed(module, name string) (string, string) {
	modules := map[string]string{"__builtin__": "builtins", "copy_reg": "copyreg", "exceptions": "builtins", "UserDict": "collections"}
	names := map[string]string{"xrange": "range", "unicode": "str", "long": "int", "reduce": "functools"}
	if module == "functools" || modules[module] == "" {
		return module, name
	}
	if name2 := names[name]; name2 != "" && module == "__builtin__" {
		name = name2
	}
	return modules[module], name
}
