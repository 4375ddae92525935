package jit

import (
	"fmt"
	"strings"
)

// baseTypes are the names that are types by themselves (torch's string_to_type_lut, and the resolver's
// PyObject). Tensors of one dtype are Tensors.
var baseTypes = map[string]*Type{"None": {Kind: NoneKind}, "PyObject": {Kind: PyObjectKind}}

// constructors are the names that take types in brackets, and how many: -1 any number.
var constructors = map[string]struct {
	kind  Kind
	arity int
}{
	"List": {ListKind, 1}, "list": {ListKind, 1}, "Optional": {OptionalKind, 1}, "RRef": {RRefKind, 1},
	"Future": {FutureKind, 1}, "torch.jit.Future": {FutureKind, 1},
	"Await": {AwaitKind, 1}, "torch.jit._Await": {AwaitKind, 1},
	"Dict": {DictKind, 2}, "dict": {DictKind, 2},
	"Tuple": {TupleKind, -1}, "tuple": {TupleKind, -1}, "Union": {UnionKind, -1},
}

func init() {
	for _, k := range []Kind{
		AnyKind, TensorKind, NumberKind, FloatKind, ComplexKind, IntKind, NoneKind, StringKind, GeneratorKind, BoolKind,
		DeviceKind, StreamKind, CapsuleKind, AnyListKind, AnyTupleKind,
	} {
		baseTypes[k.String()] = &Type{Kind: k}
	}
	for _, dtype := range strings.Fields("Long Double Float Int Short Half Char Byte Bool") {
		baseTypes[dtype+"Tensor"] = baseTypes["Tensor"]
		baseTypes["torch."+dtype+"Tensor"] = baseTypes["Tensor"]
	}
	baseTypes["torch.Tensor"] = baseTypes["Tensor"]
}

// builder makes types of an expression whose classes are known.
type builder struct {
	text    string
	classes map[string]Kind
}

func (b *builder) build(n *node) (*Type, error) {
	switch n.shape {
	case emptyNode:
		return nil, b.fail(n, "a type", "()")
	case nameNode:
		return b.named(n)
	}
	c, ok := constructors[n.name]
	if !ok {
		return nil, b.fail(n, "List, Dict, Tuple, Optional, Union, Future, RRef or Await before the [", n.name)
	}
	args := n.args
	if c.kind == TupleKind && len(args) == 1 && args[0].shape == emptyNode {
		args = nil // Tuple[()], the empty tuple
	}
	if c.arity >= 0 && len(args) != c.arity {
		plural := map[bool]string{true: "s"}[c.arity != 1]
		return nil, b.fail(n, fmt.Sprintf("%s of exactly %d type%s, not of %d,", n.name, c.arity, plural, len(args)), n.name)
	}
	elements := make([]*Type, len(args))
	for i, arg := range args {
		var err error
		if elements[i], err = b.build(arg); err != nil {
			return nil, err
		}
	}
	return b.compound(n, c.kind, elements)
}

// named makes a new Type each time: the caller of Parse may change what it is given.
func (b *builder) named(n *node) (*Type, error) {
	if t := baseTypes[n.name]; t != nil {
		return &Type{Kind: t.Kind}, nil
	}
	if kind, ok := b.classes[n.name]; ok {
		return &Type{Kind: kind, Name: n.name}, nil
	}
	if constructors[n.name].arity != 0 {
		return nil, b.fail(n, "a type, which "+n.name+" is only with types in [ ] behind it,", n.name)
	}
	err := b.fail(n, "a type", n.name)
	err.Err = ErrUnknownClass
	return nil, err
}

func (b *builder) compound(n *node, kind Kind, elements []*Type) (t *Type, err error) {
	switch kind {
	case OptionalKind:
		if t = newOptional(elements[0]); t == nil {
			return nil, b.fail(n, "an Optional of another type than None", n.name)
		}
		return t, nil
	case UnionKind:
		if len(flatten(nil, elements)) > maxUnion {
			return nil, b.fail(n, fmt.Sprintf("a Union of at most %d types", maxUnion), n.name)
		}
		if t = newUnion(elements); t == nil {
			return nil, b.fail(n, "a Union of two types that are not part of each other", n.name)
		}
		return t, nil
	case DictKind:
		switch elements[0].Kind {
		case AnyKind, IntKind, BoolKind, FloatKind, ComplexKind, StringKind, TensorKind, DeviceKind:
		default:
			return nil, b.fail(n.args[0], "a key of type int, bool, float, complex, str, Tensor, Device or Any", elements[0].String())
		}
	}
	return &Type{Kind: kind, Elements: elements}, nil
}

func (b *builder) fail(n *node, expected, found string) *ParseError {
	return &ParseError{Text: b.text, Offset: n.offset, Expected: expected, Found: found}
}
