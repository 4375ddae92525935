package pybridge

import (
	"fmt"
	"math/big"
	"reflect"
	"strconv"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// reader makes Go values of Python objects.
type reader struct {
	// opaque, when set, is what an object of no known type becomes; it gets a borrowed reference.
	opaque func(cpython.Ref) (any, error)
}

// fromRef converts a borrowed reference. GIL held.
func fromRef(r cpython.Ref) (any, error) { return reader{}.value(r, 0) }

func (c reader) value(r cpython.Ref, depth int) (any, error) {
	kind, err := cpython.KindOf(r)
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, conversionFailure(r, "", "nested too deeply, or in itself")
	}
	switch kind {
	case cpython.KindNone:
		return nil, nil
	case cpython.KindBool:
		return r == cpython.True(), nil
	case cpython.KindInt:
		return integer(r)
	case cpython.KindFloat:
		return cpython.AsFloat(r)
	case cpython.KindComplex:
		return cpython.AsComplex(r)
	case cpython.KindStr:
		return cpython.AsString(r)
	case cpython.KindBytes:
		return cpython.AsBytes(r)
	case cpython.KindByteArray:
		b, err := cpython.AsBytes(r)
		return ByteArray(b), err
	case cpython.KindList, cpython.KindTuple:
		values, err := c.sequence(r, kind, depth)
		if kind == cpython.KindTuple {
			return Tuple(values), err
		}
		return values, err
	case cpython.KindDict:
		return c.dict(r, depth)
	case cpython.KindSet, cpython.KindFrozenSet:
		values, err := c.iterable(r, depth)
		if kind == cpython.KindSet {
			return Set(values), err
		}
		return FrozenSet(values), err
	}
	if c.opaque != nil {
		return c.opaque(r)
	}
	return nil, conversionFailure(r, "", "there is no Go value for it; keep it as an Object")
}

func integer(r cpython.Ref) (any, error) {
	v, ok, err := cpython.AsInt(r)
	if err != nil || ok {
		return v, err
	}
	return largeInteger(r)
}

func bigInteger(r cpython.Ref) (*big.Int, error) {
	v, ok, err := cpython.AsInt(r)
	switch {
	case err != nil:
		return nil, err
	case ok:
		return big.NewInt(v), nil
	}
	return largeInteger(r)
}

// largeInteger takes an int of any size by way of its digits, which for a small one is many times the work of AsInt.
func largeInteger(r cpython.Ref) (*big.Int, error) {
	digits, err := cpython.AsHex(r)
	if err != nil {
		return nil, err
	}
	v, ok := new(big.Int).SetString(digits, 0)
	if !ok {
		return nil, fmt.Errorf("hex() of an int gave %q", digits)
	}
	return v, nil
}

func (c reader) sequence(r cpython.Ref, kind cpython.Kind, depth int) ([]any, error) {
	values := []any{}
	err := eachItem(r, kind, func(i int, item cpython.Ref) error {
		v, err := c.value(item, depth+1)
		values = append(values, v)
		return err
	})
	return values, err
}

// eachItem walks a list or tuple; it looks at the length each time, as other threads may change it.
func eachItem(r cpython.Ref, kind cpython.Kind, f func(int, cpython.Ref) error) error {
	item := cpython.ListItem
	if kind == cpython.KindTuple {
		item = cpython.TupleItem
	}
	for i := 0; ; i++ {
		n, err := cpython.Size(r)
		if err != nil || i >= n {
			return err
		}
		v, err := item(r, i)
		if err != nil {
			return err
		}
		err = f(i, v)
		_ = cpython.DecRef(v)
		if err != nil {
			return within(err, "["+strconv.Itoa(i)+"]")
		}
	}
}

func (c reader) dict(r cpython.Ref, depth int) (Dict, error) {
	out := Dict{}
	err := eachPair(r, func(k, v cpython.Ref) (err error) {
		var item DictItem
		if item.Key, err = c.value(k, depth+1); err != nil {
			return err
		}
		if item.Value, err = c.value(v, depth+1); err != nil {
			return within(err, keyStep(item.Key))
		}
		out = append(out, item)
		return nil
	})
	return out, err
}

func eachPair(r cpython.Ref, f func(k, v cpython.Ref) error) error {
	keys, values, err := cpython.DictItems(r)
	defer decrefAll(keys)
	defer decrefAll(values)
	for i := range keys {
		if err == nil {
			err = f(keys[i], values[i])
		}
	}
	return err
}

func (c reader) iterable(r cpython.Ref, depth int) ([]any, error) {
	values := []any{}
	err := eachOf(r, func(item cpython.Ref) error {
		v, err := c.value(item, depth+1)
		values = append(values, v)
		return err
	})
	return values, err
}

func eachOf(r cpython.Ref, f func(cpython.Ref) error) error {
	it, err := cpython.Iter(r)
	if err != nil {
		return err
	}
	defer func() { _ = cpython.DecRef(it) }()
	for {
		item, err := cpython.Next(it)
		if err != nil || item == nil {
			return err
		}
		err = f(item)
		_ = cpython.DecRef(item)
		if err != nil {
			return err
		}
	}
}

// keyStep names containers by their type: their text may be long, and never ends in a cycle.
func keyStep(key any) string {
	switch v := reflect.ValueOf(key); v.Kind() {
	case reflect.String:
		return "[" + strconv.Quote(v.String()) + "]"
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Pointer, reflect.Struct, reflect.Interface:
		return fmt.Sprintf("[%T]", key)
	}
	return fmt.Sprintf("[%v]", key)
}

func conversionFailure(r cpython.Ref, to, reason string) error {
	name, err := typeName(r)
	if err != nil {
		dropRaised(err)
		name = "a Python object"
	}
	return &ConversionError{From: "Python " + name, To: to, Reason: reason}
}
