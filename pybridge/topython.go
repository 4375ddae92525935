package pybridge

import (
	"fmt"
	"math/big"
	"reflect"
	"strconv"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// toRef gives a new reference. GIL held.
func toRef(v any) (cpython.Ref, error) { return toRefAt(v, 0) }

// toRefs converts all or none.
func toRefs(values []any) ([]cpython.Ref, error) {
	refs := make([]cpython.Ref, 0, len(values))
	for _, v := range values {
		r, err := toRef(v)
		if err != nil {
			decrefAll(refs)
			return nil, err
		}
		refs = append(refs, r)
	}
	return refs, nil
}

// toRefAt handles the types that need no reflection, which are nearly all.
func toRefAt(v any, depth int) (cpython.Ref, error) {
	if depth > maxDepth {
		return nil, &ConversionError{From: fmt.Sprintf("%T", v), Reason: "nested too deeply, or in itself"}
	}
	switch v := v.(type) {
	case nil:
		return cpython.IncRef(cpython.None())
	case borrowed:
		return cpython.IncRef(cpython.Ref(v))
	case *Object:
		r, err := v.use()
		if err != nil {
			return nil, err
		}
		defer v.done()
		return cpython.IncRef(r)
	case bool:
		if v {
			return cpython.IncRef(cpython.True())
		}
		return cpython.IncRef(cpython.False())
	case string:
		return cpython.FromString(v)
	case []byte:
		return cpython.FromBytes(v)
	case ByteArray:
		return cpython.FromByteArray(v)
	case Memory:
		r, err := cpython.NewMemory(v.Data, v.Release)
		if err != nil {
			v.Release()
		}
		return r, err
	case *big.Int:
		if v == nil {
			return cpython.IncRef(cpython.None())
		}
		return cpython.FromHex(v.Text(16))
	case big.Int:
		return cpython.FromHex(v.Text(16))
	case []any:
		return sequence(v, depth, cpython.NewList, cpython.SetListItem)
	case Tuple:
		return sequence(v, depth, cpython.NewTuple, cpython.SetTupleItem)
	case Set:
		return set(v, depth, false)
	case FrozenSet:
		return set(v, depth, true)
	case Dict:
		return dict(len(v), depth, func(i int) (any, any) { return v[i].Key, v[i].Value })
	}
	return reflected(reflect.ValueOf(v), depth)
}

func reflected(v reflect.Value, depth int) (cpython.Ref, error) {
	switch v.Kind() {
	case reflect.Bool:
		return toRefAt(v.Bool(), depth)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return cpython.FromInt(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return cpython.FromUint(v.Uint())
	case reflect.Float32, reflect.Float64:
		return cpython.FromFloat(v.Float())
	case reflect.Complex64, reflect.Complex128:
		return cpython.FromComplex(v.Complex())
	case reflect.String:
		return cpython.FromString(v.String())
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			return cpython.FromBytes(v.Bytes())
		}
		return sequence(items(v), depth, cpython.NewList, cpython.SetListItem)
	case reflect.Map:
		return mapping(v, depth)
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return cpython.IncRef(cpython.None())
		}
		return toRefAt(v.Elem().Interface(), depth+1)
	}
	return nil, &ConversionError{From: v.Type().String(), Reason: "there is no Python value for it; convert it to a map, a slice or a basic type first"}
}

// mapping makes a set of a map whose values are empty structs, as [As] makes such a map of a set.
func mapping(v reflect.Value, depth int) (cpython.Ref, error) {
	keys, values := make([]any, 0, v.Len()), make([]any, 0, v.Len())
	for pairs := v.MapRange(); pairs.Next(); { // not MapIndex, which does not find NaN
		keys, values = append(keys, pairs.Key().Interface()), append(values, pairs.Value().Interface())
	}
	if isSet(v.Type()) {
		return set(keys, depth, false)
	}
	return dict(len(keys), depth, func(i int) (any, any) { return keys[i], values[i] })
}

// isSet recognises map[K]struct{}.
func isSet(t reflect.Type) bool {
	return t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Struct && t.Elem().NumField() == 0
}

func items(v reflect.Value) []any {
	out := make([]any, v.Len())
	for i := range out {
		out[i] = v.Index(i).Interface()
	}
	return out
}

func sequence(values []any, depth int, make func(int) (cpython.Ref, error), put func(cpython.Ref, int, cpython.Ref) error) (cpython.Ref, error) {
	out, err := make(len(values))
	if err != nil {
		return nil, err
	}
	for i, v := range values {
		item, err := toRefAt(v, depth+1)
		if err == nil {
			err = put(out, i, item)
		}
		if err != nil {
			_ = cpython.DecRef(out)
			return nil, within(err, "["+strconv.Itoa(i)+"]")
		}
	}
	return out, nil
}

func set(values []any, depth int, frozen bool) (cpython.Ref, error) {
	out, err := cpython.NewSet(frozen)
	if err != nil {
		return nil, err
	}
	for i, v := range values {
		item, err := toRefAt(v, depth+1)
		if err == nil {
			err = cpython.AddToSet(out, item)
			_ = cpython.DecRef(item)
		}
		if err != nil {
			_ = cpython.DecRef(out)
			return nil, within(err, "["+strconv.Itoa(i)+"]")
		}
	}
	return out, nil
}

func dict(n, depth int, at func(int) (key, value any)) (cpython.Ref, error) {
	out, err := cpython.NewDict()
	if err != nil {
		return nil, err
	}
	for i := range n {
		k, v := at(i)
		if err := putItem(out, k, v, depth+1); err != nil {
			_ = cpython.DecRef(out)
			return nil, within(err, keyStep(k))
		}
	}
	return out, nil
}

func putItem(dict cpython.Ref, k, v any, depth int) error {
	key, err := toRefAt(k, depth)
	if err != nil {
		return err
	}
	defer func() { _ = cpython.DecRef(key) }()
	value, err := toRefAt(v, depth)
	if err != nil {
		return err
	}
	defer func() { _ = cpython.DecRef(value) }()
	return cpython.SetDictItem(dict, key, value)
}
