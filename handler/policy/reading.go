package policy

import (
	"sync"

	"github.com/gopyrpc/gopyrpc/handler/pickle"
)

// What a node has become, as its Mark says it.
const (
	unseen    = iota
	seen      // anything that has no mark of its own below
	delta     // a timedelta
	zone      // a timezone
	dataType  // a dtype of numpy
	tensor    // a torch.Tensor
	reference // an RRef
	instance  // of a listed class
	method    // a method of a listed class, looked up
	outcome   // what a listed function, class or method gave
	call      // a PythonUDF
)

// reading is a tree on its way through a policy, which rewrites it in place.
type reading struct {
	policy     *Policy
	arena      *pickle.Arena
	limits     pickle.Limits
	level      int                    // how many pickles this one is nested in
	types      map[*pickle.Node]dtype // what the nodes of mark dataType are
	copies     copies
	characters int                        // of long Decimals
	records    *records                   // nil while there is none
	pickles    map[nestedKey]*pickle.Node // in records of this payload, as they have become
}

var readings = sync.Pool{New: func() any { return new(reading) }}

// leave drops what the reading refers to, and makes it ready for the next.
func (r *reading) leave() {
	*r = reading{}
	readings.Put(r)
}

// value checks and rewrites what an item is, which may be another node afterwards.
func (r *reading) value(item **pickle.Node) error {
	n := *item
	switch n.Kind {
	case pickle.Global:
		g, err := r.global(n)
		*item = g
		return err
	case pickle.Given:
		return nil // one for all payloads
	}
	return r.visit(n)
}

// visit is value for a node that stays where it is: any but a Global.
func (r *reading) visit(n *pickle.Node) error {
	if n.Mark != unseen {
		return nil
	}
	n.Mark = seen
	switch n.Kind {
	case pickle.List, pickle.Tuple, pickle.Dict, pickle.Set, pickle.FrozenSet:
		return r.values(n.Items)
	case pickle.Reduce:
		return r.reduce(n)
	case pickle.Instance:
		return r.instance(n)
	}
	return nil
}

func (r *reading) values(items []*pickle.Node) error {
	for i := range items {
		if err := r.value(&items[i]); err != nil {
			return err
		}
	}
	return nil
}

// global is a function or class as a value.
func (r *reading) global(n *pickle.Node) (*pickle.Node, error) {
	v := r.find(n)
	switch {
	case v.given != nil:
		return v.given, nil
	case v.value != nil:
		return n, refuseUnlisted(n, "is on the allow-list as value: only, which lets instances in, and not the class itself")
	case v.form != nil:
		return n, refuse(n, "is on the allow-list only as pickle writes calls of it, and not as a value")
	}
	return n, v.refuse(n)
}

func (r *reading) find(n *pickle.Node) *verdict { return r.policy.find(name{n.Module, n.Text}) }

// isBare says whether nothing follows the making of a node's object.
func isBare(n *pickle.Node) bool { return len(n.Changes) == 0 }

// refuse is about the name of a Global.
func refuse(n *pickle.Node, rule string) *Refusal {
	return &Refusal{Name: name{n.Module, n.Text}.renamed().String(), Rule: rule, Offset: n.Offset}
}

// refuseUnlisted is refuse for what an entry of that very name would let in.
func refuseUnlisted(n *pickle.Node, rule string) *Refusal {
	r := refuse(n, rule)
	r.Entry = r.Name
	return r
}

// refuse is the Refusal of a name that the verdict does not let in.
func (v *verdict) refuse(n *pickle.Node) *Refusal {
	if v.rule == unlisted {
		return refuseUnlisted(n, v.rule)
	}
	return refuse(n, v.rule)
}

const unlisted = "is not on the allow-list"

// become turns a node into a call of a stand-in.
func (r *reading) become(n *pickle.Node, standIn string, args ...*pickle.Node) {
	r.becomeCall(n, standIns[standIn], args...)
}

func (r *reading) becomeCall(n, callee *pickle.Node, args ...*pickle.Node) {
	n.Kind, n.Changes = pickle.Reduce, nil
	n.Items = append(n.Items[:0], callee, r.tuple(n.Offset, args...))
}

// then has a stand-in called with a node's object, once that is made.
func (r *reading) then(n *pickle.Node, offset int, standIn string, args ...*pickle.Node) {
	items := append([]*pickle.Node{standIns[standIn]}, args...)
	n.Changes = append(n.Changes, pickle.Change{Kind: pickle.Call, Offset: offset, Items: items})
}

// tuple makes a tuple of items, which it copies.
func (r *reading) tuple(offset int, items ...*pickle.Node) *pickle.Node {
	n := r.arena.Node()
	n.Kind, n.Offset, n.Items, n.Mark = pickle.Tuple, offset, r.arena.List(items...), seen
	return n
}

func text(offset int, s string) *pickle.Node {
	return &pickle.Node{Kind: pickle.Str, Offset: offset, Text: s, Mark: seen}
}
