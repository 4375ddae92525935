package cpython

/*
#include "bridge.h"
*/
import "C"

// Kind is the built-in type that an object is an instance of, subclasses included.
type Kind int

// KindOther stands for every type that has no Go value of its own.
const (
	KindOther Kind = iota
	KindNone
	KindBool
	KindInt
	KindFloat
	KindComplex
	KindStr
	KindBytes
	KindByteArray
	KindList
	KindTuple
	KindDict
	KindSet
	KindFrozenSet
)

var flagKinds = []struct {
	flag int64
	kind Kind
}{
	{C.CPY_TPFLAGS_LONG, KindInt},
	{C.CPY_TPFLAGS_UNICODE, KindStr},
	{C.CPY_TPFLAGS_BYTES, KindBytes},
	{C.CPY_TPFLAGS_LIST, KindList},
	{C.CPY_TPFLAGS_TUPLE, KindTuple},
	{C.CPY_TPFLAGS_DICT, KindDict},
	{1 << 0, KindFloat},
	{1 << 1, KindComplex},
	{1 << 2, KindSet},
	{1 << 3, KindFrozenSet},
	{1 << 4, KindByteArray},
}

// KindOf classifies o. It runs no Python code.
func KindOf(o Ref) (Kind, error) {
	switch o {
	case None():
		return KindNone, nil
	case True(), False():
		return KindBool, nil
	}
	flags, err := asInt(C.cpy_kind(pyObject(o)))
	if err != nil {
		return KindOther, err
	}
	for _, k := range flagKinds {
		if flags&k.flag != 0 {
			return k.kind, nil
		}
	}
	return KindOther, nil
}
