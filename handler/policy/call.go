package policy

import (
	"github.com/gopyrpc/gopyrpc/handler/pickle"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
)

// isCall says whether a node is a PythonUDF, as either way of writing a named tuple has it.
func isCall(n *pickle.Node) bool {
	if n.Kind != pickle.Reduce && n.Kind != pickle.Instance {
		return false
	}
	callee := n.Items[0]
	return callee.Kind == pickle.Global && callee.Module == pyname.Internal && callee.Text == "PythonUDF"
}

// makeUDF is a call to make: a function, a tuple of arguments, and a dict of those by name.
func makeUDF(r *reading, n *pickle.Node, items []*pickle.Node) error {
	if len(n.Changes) > 0 || len(items) != 3 || items[1].Kind != pickle.Tuple || items[2].Kind != pickle.Dict || !hasNames(items[2]) {
		return errShape
	}
	function, args, kwargs := items[0], items[1], items[2]
	function, err := r.function(function, args, kwargs)
	if err != nil {
		return err
	}
	if err := r.visit(args); err != nil {
		return err
	}
	if err := r.visit(kwargs); err != nil {
		return err
	}
	r.become(n, "call", r.tuple(n.Offset, function, args, kwargs))
	n.Mark = call
	return nil
}

// hasNames says whether the keys of a dict are text.
func hasNames(dict *pickle.Node) bool {
	for i := 0; i < len(dict.Items); i += 2 {
		if !isStr(dict.Items[i]) {
			return false
		}
	}
	return true
}

// function is what a PythonUDF calls.
func (r *reading) function(f, args, kwargs *pickle.Node) (*pickle.Node, error) {
	if f.Kind == pickle.Global {
		return r.functionNamed(f, args, kwargs)
	}
	if err := r.visit(f); err != nil {
		return nil, err
	}
	switch f.Mark {
	case method:
		return r.toCall(f), nil
	case instance: // what it does is its class's __call__
		bound := &pickle.Node{Offset: f.Offset, Mark: method}
		r.become(bound, "method", f, text(f.Offset, "__call__"))
		return bound, nil
	}
	return nil, &Refusal{Rule: "the function to call is " + typeOf(f) + ", neither a function nor a class by name, nor a method of a listed class", Offset: f.Offset}
}

// typeOf describes the value of a node for a refusal.
func typeOf(n *pickle.Node) string {
	if name, ok := typeNames[n.Kind]; ok {
		return name
	}
	return "the result of a call"
}

var typeNames = map[pickle.Kind]string{
	pickle.None: "None", pickle.Bool: "a bool", pickle.Int: "an int", pickle.Float: "a float", pickle.Str: "a str",
	pickle.Bytes: "bytes", pickle.ByteArray: "a bytearray", pickle.List: "a list", pickle.Tuple: "a tuple",
	pickle.Dict: "a dict", pickle.Set: "a set", pickle.FrozenSet: "a frozenset", pickle.Instance: "an instance",
}

// toCall is what getattr found as what may be called: of a class, it may be an enum's member, which no entry for methods
// lets be called.
func (r *reading) toCall(found *pickle.Node) *pickle.Node {
	if found.Items[1].Items[0].Kind != pickle.Given {
		return found
	}
	callee := &pickle.Node{Offset: found.Offset, Mark: method}
	r.become(callee, "to_call", found)
	return callee
}

func (r *reading) functionNamed(f, args, kwargs *pickle.Node) (*pickle.Node, error) {
	if f.Module == pyname.Internal {
		switch f.Text {
		case "_call_method":
			return r.methodCall(f, args, kwargs)
		case "_type_of_value":
			if len(args.Items) != 1 || len(kwargs.Items) > 0 || !r.isReference(args.Items[0]) {
				return nil, refuse(f, "takes an RRef")
			}
			return typeOfValue, nil
		case "_check_value":
			return r.valueCheck(f, args, kwargs)
		}
	}
	v := r.find(f)
	switch {
	case v.listed:
		return v.given, nil
	case v.value != nil:
		return nil, refuseUnlisted(f, "is on the allow-list as value: only, which lets instances in and calls nothing")
	case v.plain || v.form != nil:
		return nil, refuseUnlisted(f, "is not on the allow-list as a function to call")
	}
	return nil, v.refuse(f)
}

// methodCall is the call of a method of an RRef's value. Python looks at the method when it knows the value.
func (r *reading) methodCall(f, args, kwargs *pickle.Node) (*pickle.Node, error) {
	a := args.Items
	if len(kwargs.Items) > 0 || len(a) != 4 || !isStr(a[1]) || a[2].Kind != pickle.Tuple || a[3].Kind != pickle.Dict ||
		!hasNames(a[3]) || !r.isReference(a[0]) {
		return nil, refuse(f, "takes an RRef, the name of a method, a tuple and a dict with names")
	}
	if !isDotted(a[1].Text) {
		return nil, refuse(f, "takes the name of a method")
	}
	return callMethod, nil
}

// valueCheck asks whether an RRef's value is there, and has a method, which it names as a call of the method would.
func (r *reading) valueCheck(f, args, kwargs *pickle.Node) (*pickle.Node, error) {
	a := args.Items
	if len(kwargs.Items) > 0 || len(a) < 1 || len(a) > 2 || !r.isReference(a[0]) {
		return nil, refuse(f, "takes an RRef, and may take the name of a method")
	}
	if len(a) == 2 && (!isStr(a[1]) || !isDotted(a[1].Text)) {
		return nil, refuse(f, "takes the name of a method")
	}
	return checkValue, nil
}

func (r *reading) isReference(n *pickle.Node) bool {
	return n.Kind == pickle.Reduce && r.visit(n) == nil && n.Mark == reference
}

// makeReference is an RRef that the peer hands over: what the agent made of it, which the agent checks. No exception
// carries one: it would be taken when that is raised, which may be at any time, and not where the agent knows of whom it came.
func makeReference(r *reading, n *pickle.Node, args []*pickle.Node) error {
	if len(args) != 1 || args[0].Kind != pickle.Bytes {
		return errShape
	}
	if r.level > 0 {
		return refuse(n.Items[0], "is within the record of an exception, where pickle writes none")
	}
	r.becomeSame(n, args...)
	n.Mark = reference
	return nil
}
