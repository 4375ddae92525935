package policy

import (
	"errors"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// form is how pickle writes something as a call.
type form struct {
	// make checks the call, whose arguments args are, and rewrites n to what Python may load instead. It returns
	// errShape where pickle writes no such call.
	make func(r *reading, n *pickle.Node, args []*pickle.Node) error
	// changed says that make looks at what n's Changes are. They are refused for other forms.
	changed bool
	// whole says that no entry makes more of the name than make does.
	whole bool
	takes string // the form that pickle writes, in words, for the refusal of any other
}

// errShape says that a call is not as pickle writes it.
var errShape = errors.New("not what pickle writes")

// reduce is a call.
func (r *reading) reduce(n *pickle.Node) error {
	callee, args := n.Items[0], n.Items[1]
	if callee.Kind != pickle.Global {
		return r.reduceMethod(n, callee, args)
	}
	v := r.find(callee)
	if v.form != nil {
		err := errShape
		if v.form.changed || isBare(n) {
			err = v.form.make(r, n, args.Items)
		}
		if err != errShape { //nolint:errorlint // it is never wrapped
			return err
		}
		if v.form.whole || !v.listed {
			rule := "takes only what pickle writes for it (" + v.form.takes + ")"
			if v.form.whole {
				rule += ", whatever is on the allow-list"
			} else {
				rule += "; to call it otherwise needs an entry of its own on the allow-list"
			}
			return refuse(callee, rule)
		}
	}
	switch {
	case v.listed:
		return r.callListed(n, v.given, args)
	case v.value != nil:
		return r.memberOrException(n, v.value, args)
	case v.plain:
		return refuseUnlisted(callee, "is on the allow-list as a value only; to call it needs an entry of its own")
	}
	return v.refuse(callee)
}

// reduceMethod is a call of what another call gives, which only a method may be.
func (r *reading) reduceMethod(n, callee, args *pickle.Node) error {
	if class, rest, kwargs, ok := partialNew(callee); ok && len(args.Items) == 0 {
		return r.makeInstance(n, class, rest, kwargs)
	}
	of := r.classOf(callee)
	if err := r.visit(callee); err != nil {
		return err
	}
	if callee.Mark != method {
		if of != nil {
			return refuseUnlisted(of, "is on the allow-list as value: only, which lets instances in and calls nothing")
		}
		return &Refusal{Rule: "the payload calls something that is neither a function nor a class by name, nor a method of a listed class", Offset: n.Offset}
	}
	if err := r.values(args.Items); err != nil {
		return err
	}
	n.Items[0] = r.toCall(callee)
	n.Mark = outcome
	return r.noChanges(n, "what a method returned")
}

// classOf is the class that a call of getattr names, where instances of it only are let in.
func (r *reading) classOf(n *pickle.Node) *pickle.Node {
	if n.Kind != pickle.Reduce || !isNamed(n.Items[0], "builtins", "getattr") || len(n.Items[1].Items) == 0 || n.Items[1].Items[0].Kind != pickle.Global {
		return nil
	}
	class := n.Items[1].Items[0]
	if v := r.find(class); v.listed || v.value == nil {
		return nil
	}
	return class
}

// callListed is a call of what an entry covers. Only what a class makes can be changed afterwards.
func (r *reading) callListed(n, callee, args *pickle.Node) error {
	if err := r.values(args.Items); err != nil {
		return err
	}
	n.Items[0] = callee
	if isBare(n) {
		n.Mark = outcome
		return nil
	}
	changes := n.Changes
	r.become(n, "call_class", callee, args)
	return r.change(n, changes)
}

// memberOrException is a call of a class whose instances only are let in.
func (r *reading) memberOrException(n, class, args *pickle.Node) error {
	if err := r.values(args.Items); err != nil {
		return err
	}
	changes := n.Changes
	r.become(n, "value", class, args)
	return r.change(n, changes)
}

func (r *reading) noChanges(n *pickle.Node, what string) error {
	if isBare(n) {
		return nil
	}
	return &Refusal{Rule: "the payload changes " + what + ", which may be somebody else's", Offset: n.Changes[0].Offset}
}

// change brings what follows the making of an instance into calls of stand-ins.
func (r *reading) change(n *pickle.Node, changes []pickle.Change) error {
	for _, c := range changes {
		if c.Kind != pickle.Call {
			if err := r.values(c.Items); err != nil {
				return err
			}
		}
		switch c.Kind {
		case pickle.Append:
			r.then(n, c.Offset, "extend", &pickle.Node{Kind: pickle.List, Offset: c.Offset, Items: c.Items, Mark: seen})
		case pickle.SetItem:
			r.then(n, c.Offset, "update", r.pairs(c))
		case pickle.AddItem:
			r.then(n, c.Offset, "add", &pickle.Node{Kind: pickle.List, Offset: c.Offset, Items: c.Items, Mark: seen})
		case pickle.Call:
			if err := r.callWith(n, c); err != nil {
				return err
			}
		case pickle.Build:
			if err := checkState(c.Items[0]); err != nil {
				return err
			}
			r.then(n, c.Offset, "set_state", c.Items[0])
		}
	}
	return nil
}

// pairs are keys and values as they come. They make no dict, as an instance may take several keys for one.
func (r *reading) pairs(c pickle.Change) *pickle.Node {
	list := &pickle.Node{Kind: pickle.List, Offset: c.Offset, Mark: seen}
	for i := 0; i+1 < len(c.Items); i += 2 {
		list.Items = append(list.Items, r.tuple(c.Offset, c.Items[i], c.Items[i+1]))
	}
	return list
}

// checkState refuses names of attributes that no instance may get. Python refuses them too, where the state is not
// written out; here they are refused without entering Python.
func checkState(state *pickle.Node) error {
	if state.Kind == pickle.Tuple && len(state.Items) == 2 {
		for _, half := range state.Items {
			if half.Kind == pickle.Dict {
				if err := checkAttributes(half); err != nil {
					return err
				}
			}
		}
	}
	if state.Kind == pickle.Dict {
		return checkAttributes(state)
	}
	return nil
}

func checkAttributes(dict *pickle.Node) error {
	for i := 0; i < len(dict.Items); i += 2 {
		if key := dict.Items[i]; key.Kind == pickle.Str && isForbiddenAttribute(key.Text) {
			return &Refusal{Rule: "the payload sets an attribute " + key.Text + ", which has a meaning to Python, of an instance", Offset: key.Offset}
		}
	}
	return nil
}

// isForbiddenAttribute says whether something in C or in the standard library may ask an instance for an attribute of
// that name, to learn what it is or where its memory is. Notes of exceptions are text.
func isForbiddenAttribute(name string) bool {
	return isSpecial(name) && name != "__notes__" && len(name) > 4 && name[len(name)-2:] == "__" || name == "_as_parameter_"
}

// callWith is a call of a listed function with what was just made, which sets its state.
func (r *reading) callWith(n *pickle.Node, c pickle.Change) error {
	callee := c.Items[0]
	if callee.Kind != pickle.Global {
		return &Refusal{Rule: "what sets a state is neither a function nor a class by name", Offset: c.Offset}
	}
	v := r.find(callee)
	switch {
	case v.listed:
	case v.value != nil:
		return refuseUnlisted(callee, "is on the allow-list as value: only, which lets instances in and calls nothing")
	case v.plain || v.form != nil:
		return refuseUnlisted(callee, "is not on the allow-list as a function to call")
	default:
		return v.refuse(callee)
	}
	items := append([]*pickle.Node{v.given}, c.Items[1:]...)
	if err := r.values(items); err != nil {
		return err
	}
	n.Changes = append(n.Changes, pickle.Change{Kind: pickle.Call, Offset: c.Offset, Items: items})
	return nil
}
