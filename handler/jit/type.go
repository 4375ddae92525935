package jit

import (
	"slices"
	"strings"
)

// Kind says what a [Type] is. The order is torch's (c10::TypeKind): a Union's members are sorted by it.
type Kind uint8

// The kinds that a type expression can make.
const (
	AnyKind Kind = iota
	TensorKind
	TupleKind // of any number of elements
	ListKind  // of one element
	DictKind  // of a key and a value
	NumberKind
	FloatKind
	ComplexKind
	FutureKind // of one element
	AwaitKind  // of one element; torch 2 only
	RRefKind   // of one element
	IntKind
	NoneKind
	StringKind
	GeneratorKind // torch 2 only
	BoolKind
	OptionalKind // of one element
	DeviceKind
	StreamKind
	ClassKind // named
	PyObjectKind
	CapsuleKind
	InterfaceKind // named
	AnyListKind
	AnyTupleKind
	UnionKind // of at least two elements
)

// annotations are the kinds as torch writes them.
var annotations = [...]string{
	AnyKind: "Any", TensorKind: "Tensor", TupleKind: "Tuple", ListKind: "List", DictKind: "Dict",
	NumberKind: "number", FloatKind: "float", ComplexKind: "complex", FutureKind: "Future", AwaitKind: "Await",
	RRefKind: "RRef", IntKind: "int", NoneKind: "NoneType", StringKind: "str", GeneratorKind: "Generator",
	BoolKind: "bool", OptionalKind: "Optional", DeviceKind: "Device", StreamKind: "Stream", ClassKind: "class",
	PyObjectKind: "PyObject", CapsuleKind: "Capsule", InterfaceKind: "interface", AnyListKind: "list",
	AnyTupleKind: "tuple", UnionKind: "Union",
}

// String is the kind's name in an annotation.
func (k Kind) String() string {
	if int(k) >= len(annotations) {
		return "unknown kind"
	}
	return annotations[k]
}

// Type is a type of TorchScript (c10::Type), as [Parse] makes it: plain data.
type Type struct {
	Kind     Kind
	Name     string  // of a class or an interface, qualified: __torch__.module.Class
	Elements []*Type // as the Kind says; a Union's are sorted, and none is a subtype of another
}

// String is the type as an annotation (c10::Type::annotation_str). [Parse] makes an equal type of it.
func (t *Type) String() string {
	switch {
	case t == nil:
		return "no type"
	case t.Kind == ClassKind || t.Kind == InterfaceKind:
		return t.Name
	case t.Kind == UnionKind:
		return "Union[" + strings.Join(unionTexts(t.Elements, (*Type).String, "number"), ", ") + "]"
	case t.Kind == TupleKind && len(t.Elements) == 0:
		return "Tuple[()]"
	case len(t.Elements) == 0:
		return t.Kind.String()
	}
	return t.Kind.String() + "[" + joined(t.Elements, (*Type).String) + "]"
}

// Equal says whether both are the same type (c10::Type::equals).
func (t *Type) Equal(other *Type) bool {
	if t == other || t == nil || other == nil {
		return t == other
	}
	return t.Kind == other.Kind && t.Name == other.Name && slices.EqualFunc(t.Elements, other.Elements, (*Type).Equal)
}

// depth is the nesting of the type, which is 1 more than its elements'.
func (t *Type) depth() int {
	deepest := 0
	for _, e := range t.Elements {
		deepest = max(deepest, e.depth())
	}
	return deepest + 1
}

// order is the text that torch sorts types of one kind by (c10::Type::str).
func (t *Type) order() string {
	switch t.Kind {
	case NumberKind:
		return "Scalar"
	case ListKind:
		return t.Elements[0].order() + "[]"
	case OptionalKind:
		return t.Elements[0].order() + "?"
	case TupleKind:
		return "(" + joined(t.Elements, (*Type).order) + ")"
	case UnionKind:
		return "Union(" + strings.Join(unionTexts(t.Elements, (*Type).order, "Scalar"), ", ") + ")"
	case ClassKind, InterfaceKind:
		return t.Name
	case DictKind, FutureKind, AwaitKind, RRefKind:
		return t.Kind.String() + "(" + joined(t.Elements, (*Type).order) + ")"
	}
	return t.Kind.String()
}

func joined(types []*Type, text func(*Type) string) string {
	texts := make([]string, len(types))
	for i, t := range types {
		texts[i] = text(t)
	}
	return strings.Join(texts, ", ")
}

// unionTexts are the texts of a Union's members: int, float and complex together are a number, which
// comes last.
func unionTexts(types []*Type, text func(*Type) string, number string) (texts []string) {
	all := holdsNumber(types)
	for _, t := range types {
		if !all || !t.isNumeric() {
			texts = append(texts, text(t))
		}
	}
	if all {
		texts = append(texts, number)
	}
	return texts
}

func (t *Type) isNumeric() bool {
	return t.Kind == FloatKind || t.Kind == ComplexKind || t.Kind == IntKind
}

func holdsNumber(types []*Type) bool {
	n := 0
	for _, t := range types {
		if t.isNumeric() {
			n++
		}
	}
	return n == 3 // a Union has each type once
}
