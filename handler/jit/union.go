package jit

import "slices"

// maxUnion bounds the members of a Union: each is compared with each.
const maxUnion = 64

// newOptional is Optional[t], nil for None.
func newOptional(t *Type) *Type {
	switch t.Kind {
	case NoneKind:
		return nil
	case OptionalKind:
		return t
	case UnionKind:
		rest := slices.DeleteFunc(slices.Clone(t.Elements), func(e *Type) bool { return e.Kind == NoneKind })
		if len(rest) == 3 && holdsNumber(rest) {
			t = &Type{Kind: NumberKind}
		} else {
			t = &Type{Kind: UnionKind, Elements: rest}
		}
	}
	return &Type{Kind: OptionalKind, Elements: []*Type{t}}
}

// newUnion is the Union of types: flat, without subtypes of other members, and sorted; an Optional
// where that is what is left. nil if less than two types are left.
func newUnion(types []*Type) *Type {
	types = unify(flatten(nil, types))
	if len(types) < 2 {
		return nil
	}
	slices.SortFunc(types, func(a, b *Type) int {
		if a.Kind != b.Kind {
			return int(a.Kind) - int(b.Kind)
		}
		return compareOrder(a, b)
	})
	union := &Type{Kind: UnionKind, Elements: types}
	none := slices.IndexFunc(types, func(t *Type) bool { return t.Kind == NoneKind })
	switch {
	case none >= 0 && len(types) == 2:
		return &Type{Kind: OptionalKind, Elements: []*Type{types[1-none]}}
	case none >= 0 && len(types) == 4 && holdsNumber(types):
		return &Type{Kind: OptionalKind, Elements: []*Type{{Kind: NumberKind}}}
	}
	return union
}

func compareOrder(a, b *Type) int {
	switch x, y := a.order(), b.order(); {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// flatten appends the types with Unions, Optionals and numbers taken apart.
func flatten(flat, types []*Type) []*Type {
	for _, t := range types {
		switch t.Kind {
		case UnionKind:
			flat = flatten(flat, t.Elements)
		case OptionalKind:
			flat = append(flatten(flat, t.Elements), &Type{Kind: NoneKind})
		case NumberKind:
			flat = append(flat, &Type{Kind: IntKind}, &Type{Kind: FloatKind}, &Type{Kind: ComplexKind})
		default:
			flat = append(flat, t)
		}
	}
	return flat
}

// unify merges types that have a common form, the last with the nearest before it first, until no two
// have one. None is left alone: a Union with it is an Optional.
func unify(types []*Type) []*Type {
	for i := len(types) - 1; i > 0; i-- {
		for j := i - 1; j >= 0; j-- {
			if (types[i].Kind == NoneKind) != (types[j].Kind == NoneKind) {
				continue
			}
			if common := commonType(types[i], types[j]); common != nil {
				types[j] = common
				types = slices.Delete(types, i, i+1)
				i = len(types) // what is behind may have one with the merged type
				break
			}
		}
	}
	return types
}
