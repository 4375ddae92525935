package pybridge

import (
	"fmt"
	"math"
	"math/big"
	"reflect"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// into converts a borrowed reference to whatever target points to. GIL held.
func into(r cpython.Ref, target any) error {
	var w writer
	err := w.value(r, reflect.ValueOf(target).Elem(), 0)
	if err != nil {
		for _, o := range w.objects {
			o.Release()
		}
	}
	return err
}

// writer is one conversion to a Go type.
type writer struct {
	objects []*Object // made so far
}

var (
	objectType = reflect.TypeFor[*Object]()
	bigIntType = reflect.TypeFor[*big.Int]()
)

func (w *writer) value(r cpython.Ref, v reflect.Value, depth int) error {
	if depth > maxDepth {
		return conversionFailure(r, v.Type().String(), "nested too deeply, or in itself")
	}
	kind, err := cpython.KindOf(r)
	if err != nil {
		return err
	}
	switch {
	case v.Type() == objectType:
		return w.object(r, v)
	case v.Type() == bigIntType && kind == cpython.KindInt:
		n, err := bigInteger(r)
		v.Set(reflect.ValueOf(n))
		return err
	case v.Kind() == reflect.Interface && v.NumMethod() == 0:
		return w.anything(r, v, depth)
	case v.Kind() == reflect.Pointer:
		return w.pointer(r, kind, v, depth)
	}
	if done, err := intoScalar(r, kind, v); done {
		return err
	}
	return w.container(r, kind, v, depth)
}

func (w *writer) object(r cpython.Ref, v reflect.Value) error {
	ref, err := cpython.IncRef(r)
	if err != nil {
		return err
	}
	o := adopt(ref, "converted object")
	w.objects = append(w.objects, o)
	v.Set(reflect.ValueOf(o))
	return nil
}

func (w *writer) anything(r cpython.Ref, v reflect.Value, depth int) error {
	value, err := reader{}.value(r, depth)
	if err == nil && value != nil {
		v.Set(reflect.ValueOf(value))
	}
	return err
}

func (w *writer) pointer(r cpython.Ref, kind cpython.Kind, v reflect.Value, depth int) error {
	if kind == cpython.KindNone {
		v.SetZero()
		return nil
	}
	v.Set(reflect.New(v.Type().Elem()))
	return w.value(r, v.Elem(), depth+1)
}

// intoScalar reports whether the pair of types was one of its own.
func intoScalar(r cpython.Ref, kind cpython.Kind, v reflect.Value) (bool, error) {
	switch k := v.Kind(); {
	case k == reflect.Bool && kind == cpython.KindBool:
		v.SetBool(r == cpython.True())
		return true, nil
	case k == reflect.String && kind == cpython.KindStr:
		s, err := cpython.AsString(r)
		v.SetString(s)
		return true, err
	case (v.CanInt() || v.CanUint()) && kind == cpython.KindInt:
		return true, intoInteger(r, v)
	case v.CanFloat() && (kind == cpython.KindFloat || kind == cpython.KindInt):
		return true, intoFloat(r, kind, v)
	case v.CanComplex() && (kind == cpython.KindComplex || kind == cpython.KindFloat || kind == cpython.KindInt):
		return true, intoComplex(r, kind, v)
	case k == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 && (kind == cpython.KindBytes || kind == cpython.KindByteArray):
		b, err := cpython.AsBytes(r)
		v.SetBytes(b)
		return true, err
	}
	return false, nil
}

func intoInteger(r cpython.Ref, v reflect.Value) error {
	n, small, err := cpython.AsInt(r)
	switch {
	case err != nil:
		return err
	case small && v.CanInt() && !v.OverflowInt(n):
		v.SetInt(n)
		return nil
	case small && v.CanUint() && n >= 0 && !v.OverflowUint(uint64(n)):
		v.SetUint(uint64(n))
		return nil
	case small || v.CanInt():
		return conversionFailure(r, v.Type().String(), "out of range")
	}
	large, err := largeInteger(r)
	switch {
	case err != nil:
		return err
	case !large.IsUint64() || v.OverflowUint(large.Uint64()):
		return conversionFailure(r, v.Type().String(), "out of range")
	}
	v.SetUint(large.Uint64())
	return nil
}

// intoFloat refuses what is out of range, and an int that would be rounded; a float is rounded to
// float32 as Go's own conversion does.
func intoFloat(r cpython.Ref, kind cpython.Kind, v reflect.Value) error {
	if kind == cpython.KindInt {
		f, err := exactFloat(r, v.Type(), v.Kind() == reflect.Float32)
		v.SetFloat(f)
		return err
	}
	f, err := cpython.AsFloat(r)
	if err == nil && v.OverflowFloat(f) && !math.IsInf(f, 0) {
		return conversionFailure(r, v.Type().String(), "out of range")
	}
	v.SetFloat(f)
	return err
}

// exactFloat is an int as a floating-point number, if it is one.
func exactFloat(r cpython.Ref, t reflect.Type, single bool) (float64, error) {
	n, err := bigInteger(r)
	if err != nil {
		return 0, err
	}
	f, accuracy := new(big.Float).SetInt(n).Float64()
	if accuracy != big.Exact || single && float64(float32(f)) != f {
		return 0, conversionFailure(r, t.String(), "not exact as a floating-point number")
	}
	return f, nil
}

func intoComplex(r cpython.Ref, kind cpython.Kind, v reflect.Value) error {
	if kind == cpython.KindInt {
		f, err := exactFloat(r, v.Type(), v.Kind() == reflect.Complex64)
		v.SetComplex(complex(f, 0))
		return err
	}
	c, err := cpython.AsComplex(r)
	if err == nil && v.OverflowComplex(c) {
		return conversionFailure(r, v.Type().String(), "out of range")
	}
	v.SetComplex(c)
	return err
}

func (w *writer) container(r cpython.Ref, kind cpython.Kind, v reflect.Value, depth int) error {
	switch k := v.Kind(); {
	case k == reflect.Slice && (kind == cpython.KindList || kind == cpython.KindTuple):
		return w.slice(r, kind, v, depth)
	case k == reflect.Slice && (kind == cpython.KindSet || kind == cpython.KindFrozenSet):
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		return eachOf(r, func(item cpython.Ref) error { return w.appendItem(item, v, depth) })
	case k == reflect.Array && (kind == cpython.KindList || kind == cpython.KindTuple):
		return w.array(r, kind, v, depth)
	case v.Type() == reflect.TypeFor[Dict]() && kind == cpython.KindDict:
		return w.anything(r, v, depth)
	case k == reflect.Map && kind == cpython.KindDict:
		return w.mapping(r, v, depth)
	case isSet(v.Type()) && (kind == cpython.KindSet || kind == cpython.KindFrozenSet):
		v.Set(reflect.MakeMap(v.Type()))
		return eachOf(r, func(item cpython.Ref) error { return w.putKey(item, v, depth) })
	}
	return conversionFailure(r, v.Type().String(), "these types do not correspond")
}

func (w *writer) slice(r cpython.Ref, kind cpython.Kind, v reflect.Value, depth int) error {
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	return eachItem(r, kind, func(_ int, item cpython.Ref) error { return w.appendItem(item, v, depth) })
}

func (w *writer) appendItem(item cpython.Ref, v reflect.Value, depth int) error {
	e := reflect.New(v.Type().Elem()).Elem()
	if err := w.value(item, e, depth+1); err != nil {
		return err
	}
	v.Set(reflect.Append(v, e))
	return nil
}

func (w *writer) array(r cpython.Ref, kind cpython.Kind, v reflect.Value, depth int) error {
	n, err := cpython.Size(r)
	if err != nil {
		return err
	}
	if n != v.Len() {
		return conversionFailure(r, v.Type().String(), fmt.Sprintf("it has %d items", n))
	}
	return eachItem(r, kind, func(i int, item cpython.Ref) error {
		if i >= v.Len() {
			return conversionFailure(r, v.Type().String(), "it grew while being read")
		}
		return w.value(item, v.Index(i), depth+1)
	})
}

func (w *writer) mapping(r cpython.Ref, v reflect.Value, depth int) error {
	v.Set(reflect.MakeMap(v.Type()))
	return eachPair(r, func(k, item cpython.Ref) error {
		key := reflect.New(v.Type().Key()).Elem()
		if err := w.key(k, key, depth); err != nil {
			return err
		}
		value := reflect.New(v.Type().Elem()).Elem()
		if err := w.value(item, value, depth+1); err != nil {
			return within(err, keyStep(key.Interface()))
		}
		v.SetMapIndex(key, value)
		return nil
	})
}

func (w *writer) putKey(item cpython.Ref, v reflect.Value, depth int) error {
	key := reflect.New(v.Type().Key()).Elem()
	if err := w.key(item, key, depth); err != nil {
		return err
	}
	v.SetMapIndex(key, reflect.Zero(v.Type().Elem()))
	return nil
}

// key refuses what Go cannot hash, such as a tuple as a key of type any.
func (w *writer) key(r cpython.Ref, key reflect.Value, depth int) error {
	if err := w.value(r, key, depth+1); err != nil {
		return err
	}
	if !key.Comparable() {
		return conversionFailure(r, "map key", "Go cannot hash it; use Dict")
	}
	return nil
}
