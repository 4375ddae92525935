package jit

import "slices"

// commonType is the type that a and b are both made into where they meet, nil if there is none
// (c10::unifyTypes): the wider one, or tuples and futures with elements of common types.
func commonType(a, b *Type) *Type {
	switch {
	case a.subtypeOf(b):
		return b
	case b.subtypeOf(a):
		return a
	case a.Kind == NoneKind:
		return newOptional(b)
	case b.Kind == NoneKind:
		return newOptional(a)
	case a.Kind == OptionalKind:
		return commonOptional(a.Elements[0], b)
	case b.Kind == OptionalKind:
		return commonOptional(b.Elements[0], a)
	case a.Kind == b.Kind && (a.Kind == TupleKind || a.Kind == FutureKind) && len(a.Elements) == len(b.Elements):
		return commonElements(a, b)
	}
	return nil
}

func commonOptional(element, other *Type) *Type {
	common := commonType(element, other)
	if common == nil {
		return nil
	}
	return newOptional(common)
}

func commonElements(a, b *Type) *Type {
	elements := make([]*Type, len(a.Elements))
	for i := range elements {
		if elements[i] = commonType(a.Elements[i], b.Elements[i]); elements[i] == nil {
			return nil
		}
	}
	return &Type{Kind: a.Kind, Elements: elements}
}

// subtypeOf says whether every value of t is one of u (c10::Type::isSubtypeOf). Lists, dicts and RRefs
// are what they are of; classes and interfaces are known by name only.
func (t *Type) subtypeOf(u *Type) bool {
	if t.Equal(u) || u.Kind == AnyKind {
		return true
	}
	switch t.Kind {
	case UnionKind, OptionalKind, NumberKind:
		if members := flatten(nil, []*Type{t}); len(members) > 1 {
			return !slices.ContainsFunc(members, func(m *Type) bool { return !m.subtypeOf(u) })
		}
	}
	switch u.Kind {
	case UnionKind:
		return slices.ContainsFunc(u.Elements, t.subtypeOf)
	case OptionalKind:
		return t.Kind == NoneKind || t.subtypeOf(u.Elements[0])
	case NumberKind:
		return t.isNumeric()
	case AnyListKind:
		return t.Kind == ListKind
	case AnyTupleKind:
		return t.Kind == TupleKind
	case TupleKind, FutureKind, AwaitKind:
		return t.Kind == u.Kind && slices.EqualFunc(t.Elements, u.Elements, (*Type).subtypeOf)
	}
	return false
}
