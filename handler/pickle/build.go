package pickle

import "math/big"

// NewNone returns None.
func NewNone() *Node { return &Node{Kind: None} }

// NewBool returns True or False.
func NewBool(value bool) *Node { return &Node{Kind: Bool, Int: int64(b2i(value))} }

// NewInt returns an int.
func NewInt(value int64) *Node { return &Node{Kind: Int, Int: value} }

// NewBigInt returns an int of any size. It keeps value, which must not change.
func NewBigInt(value *big.Int) *Node {
	if value.IsInt64() {
		return NewInt(value.Int64())
	}
	return &Node{Kind: Int, Big: value}
}

// NewFloat returns a float.
func NewFloat(value float64) *Node { return &Node{Kind: Float, Float: value} }

// NewStr returns a str. [Write] refuses text that is not UTF-8.
func NewStr(text string) *Node { return &Node{Kind: Str, Text: text} }

// NewBytes returns a bytes of the parts joined. It keeps the parts.
func NewBytes(parts ...[]byte) *Node { return &Node{Kind: Bytes, Data: parts} }

// NewByteArray returns a bytearray of the parts joined. It keeps the parts.
func NewByteArray(parts ...[]byte) *Node { return &Node{Kind: ByteArray, Data: parts} }

// NewList returns a list.
func NewList(items ...*Node) *Node { return &Node{Kind: List, Items: items} }

// NewTuple returns a tuple.
func NewTuple(items ...*Node) *Node { return &Node{Kind: Tuple, Items: items} }

// NewDict returns a dict of keys and values in turn.
func NewDict(keysAndValues ...*Node) *Node { return &Node{Kind: Dict, Items: keysAndValues} }

// NewSet returns a set.
func NewSet(members ...*Node) *Node { return &Node{Kind: Set, Items: members} }

// NewFrozenSet returns a frozenset.
func NewFrozenSet(members ...*Node) *Node { return &Node{Kind: FrozenSet, Items: members} }

// NewGlobal returns what a module has under a qualified name. [Write] names it once for each Node: use one for all
// its places.
func NewGlobal(module, qualname string) *Node {
	return &Node{Kind: Global, Module: module, Text: qualname}
}

// NewReduce returns what a call of callable returns.
func NewReduce(callable *Node, args ...*Node) *Node {
	return &Node{Kind: Reduce, Items: []*Node{callable, NewTuple(args...)}}
}

// ThenCall lets callable(n, args…) be called right behind the making of n, and its result be dropped. n is a Reduce,
// and it may be among what args refer to.
func (n *Node) ThenCall(callable *Node, args ...*Node) {
	n.Changes = append(n.Changes, Change{Kind: Call, Offset: n.Offset, Items: append([]*Node{callable}, args...)})
}
