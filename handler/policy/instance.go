package policy

import (
	"slices"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
)

// instance is an object that a class makes without its __init__: NEWOBJ and NEWOBJ_EX.
func (r *reading) instance(n *pickle.Node) error {
	var kwargs *pickle.Node
	if len(n.Items) > 2 {
		kwargs = n.Items[2]
	}
	return r.makeInstance(n, n.Items[0], n.Items[1], kwargs)
}

func (r *reading) makeInstance(n, class, args, kwargs *pickle.Node) error {
	if class.Kind != pickle.Global {
		return &Refusal{Rule: "the payload makes an instance of something that is no class by name", Offset: n.Offset}
	}
	switch asked := (name{class.Module, class.Text}).renamed(); {
	case asked == name{pyname.Internal, "PythonUDF"}:
		err := errShape
		if kwargs == nil && isBare(n) {
			err = makeUDF(r, n, args.Items)
		}
		if err != errShape { //nolint:errorlint // it is never wrapped
			return err
		}
		return refuse(class, "takes only what pickle writes for it ("+forms[asked].takes+")")
	case asked == name{"uuid", "UUID"}:
		return r.makeUUID(n)
	case asked == name{"builtins", "object"} && len(args.Items) == 0 && kwargs == nil && isBare(n):
		n.Items = []*pickle.Node{class, args}
		r.becomeSame(n)
		return nil
	}
	v := r.find(class)
	given, standIn := v.given, "new"
	switch {
	case v.listed:
	case v.value != nil:
		given, standIn = v.value, "new_value"
	case v.plain || v.form != nil:
		return refuse(class, "is on the allow-list only as pickle writes it, and pickle makes no instance of it this way")
	default:
		r := v.refuse(class)
		if r.Entry != "" { // that calls nothing is enough
			r.Entry = "value:" + r.Entry
		}
		return r
	}
	changes := n.Changes
	if kwargs == nil {
		kwargs = &pickle.Node{Kind: pickle.Dict, Offset: n.Offset}
	}
	if !hasNames(kwargs) {
		return refuse(class, "gets arguments whose names are no text")
	}
	for _, part := range []*pickle.Node{args, kwargs} {
		if err := r.visit(part); err != nil {
			return err
		}
	}
	if len(changes) > 0 {
		standIn += "_to_change"
	}
	r.become(n, standIn, given, args, kwargs)
	n.Mark = instance
	return r.change(n, changes)
}

// makeReconstructed is an instance as copyreg makes one, of a class that has no base with data of its own.
func makeReconstructed(r *reading, n *pickle.Node, args []*pickle.Node) error {
	if len(args) != 3 || args[1].Kind != pickle.Global || (name{args[1].Module, args[1].Text}).renamed() != (name{"builtins", "object"}) || !isNone(args[2]) {
		return errShape
	}
	return r.makeInstance(n, args[0], r.tuple(n.Offset), nil)
}

// makeNewObject is NEWOBJ as a call.
func makeNewObject(r *reading, n *pickle.Node, args []*pickle.Node) error {
	if len(args) == 0 {
		return errShape
	}
	return r.makeInstance(n, args[0], &pickle.Node{Kind: pickle.Tuple, Offset: n.Offset, Items: append([]*pickle.Node{}, args[1:]...)}, nil)
}

// makeNewObjectEx is NEWOBJ_EX as a call.
func makeNewObjectEx(r *reading, n *pickle.Node, args []*pickle.Node) error {
	if len(args) != 3 || args[1].Kind != pickle.Tuple || args[2].Kind != pickle.Dict {
		return errShape
	}
	return r.makeInstance(n, args[0], args[1], args[2])
}

// partialNew is functools.partial(class.__new__, class, *args, **kwargs), which is NEWOBJ_EX below protocol 4. The
// partial's arguments are in its state.
func partialNew(n *pickle.Node) (class, args, kwargs *pickle.Node, ok bool) {
	if n.Kind != pickle.Reduce || !isNamed(n.Items[0], "functools", "partial") || len(n.Changes) != 1 || n.Changes[0].Kind != pickle.Build {
		return nil, nil, nil, false
	}
	state := n.Changes[0].Items[0]
	if state.Kind != pickle.Tuple || len(state.Items) != 4 || state.Items[1].Kind != pickle.Tuple || len(state.Items[1].Items) == 0 ||
		state.Items[2].Kind != pickle.Dict || !isNone(state.Items[3]) && (state.Items[3].Kind != pickle.Dict || len(state.Items[3].Items) > 0) {
		return nil, nil, nil, false
	}
	function, bound := state.Items[0], state.Items[1].Items
	if function.Kind != pickle.Reduce || !isNamed(function.Items[0], "builtins", "getattr") {
		return nil, nil, nil, false
	}
	of := function.Items[1].Items
	if len(of) != 2 || of[0] != bound[0] && !isSameName(of[0], bound[0]) || !isStr(of[1]) || of[1].Text != "__new__" {
		return nil, nil, nil, false
	}
	return bound[0], &pickle.Node{Kind: pickle.Tuple, Offset: n.Offset, Items: slices.Clone(bound[1:])}, state.Items[2], true
}

func isNamed(n *pickle.Node, module, qualname string) bool {
	return n.Kind == pickle.Global && (name{n.Module, n.Text}).renamed() == name{module, qualname}
}

func isSameName(a, b *pickle.Node) bool {
	return a.Kind == pickle.Global && b.Kind == pickle.Global && a.Module == b.Module && a.Text == b.Text
}

// makeMethod is what getattr finds: a method of a listed class, or a member of an enum by its name.
func makeMethod(r *reading, n *pickle.Node, args []*pickle.Node) error {
	if len(args) != 2 || !isStr(args[1]) || !isIdentifier(args[1].Text) {
		return errShape
	}
	of, attribute := args[0], args[1]
	if of.Kind == pickle.Global {
		if err := r.checkAttribute(of, attribute.Text); err != nil {
			return err
		}
		if v := r.find(of); !v.listed && v.value != nil {
			r.become(n, "member", v.value, attribute)
			return nil
		}
	}
	if err := r.value(&of); err != nil {
		return err
	}
	r.become(n, "method", of, attribute)
	n.Mark = method
	return nil
}

// checkAttribute refuses a special method of a class by name unless an entry has its own.
func (r *reading) checkAttribute(class *pickle.Node, attribute string) error {
	if isSpecial(attribute) && !r.policy.entries.hasMethod(attribute) {
		full := &pickle.Node{Module: class.Module, Text: class.Text + "." + attribute, Offset: class.Offset}
		return refuseUnlisted(full, "is not a method on the allow-list")
	}
	return nil
}
