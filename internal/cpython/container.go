package cpython

/*
#include "bridge.h"
*/
import "C"

// NewList gives a list of n empty slots; each must be set before Python code sees it.
func NewList(n int) (Ref, error) { return asRef(C.cpy_list_new(C.Py_ssize_t(n))) }

// SetListItem consumes v, also when it fails.
func SetListItem(list Ref, i int, v Ref) error {
	return asError(C.cpy_list_set(pyObject(list), C.Py_ssize_t(i), pyObject(v)))
}

// ListItem gives a new reference.
func ListItem(list Ref, i int) (Ref, error) {
	return asRef(C.cpy_list_get(pyObject(list), C.Py_ssize_t(i)))
}

// NewTuple gives a tuple of n empty slots; each must be set before Python code sees it.
func NewTuple(n int) (Ref, error) { return asRef(C.cpy_tuple_new(C.Py_ssize_t(n))) }

// SetTupleItem consumes v, also when it fails.
func SetTupleItem(tuple Ref, i int, v Ref) error {
	return asError(C.cpy_tuple_set(pyObject(tuple), C.Py_ssize_t(i), pyObject(v)))
}

// TupleItem gives a new reference.
func TupleItem(tuple Ref, i int) (Ref, error) {
	return asRef(C.cpy_tuple_get(pyObject(tuple), C.Py_ssize_t(i)))
}

// NewDict gives an empty dict.
func NewDict() (Ref, error) { return asRef(C.cpy_dict_new()) }

// SetDictItem borrows key and v.
func SetDictItem(dict, key, v Ref) error {
	return asError(C.cpy_dict_set(pyObject(dict), pyObject(key), pyObject(v)))
}

// DictItems gives new references to the keys and values as they are now.
func DictItems(dict Ref) (keys, values []Ref, err error) {
	var pos C.Py_ssize_t
	var k, v *C.PyObject
	for {
		more, err := asInt(C.cpy_dict_next(pyObject(dict), &pos, &k, &v))
		if err != nil || more == 0 {
			return keys, values, err
		}
		C.cpy_incref(k)
		C.cpy_incref(v)
		keys, values = append(keys, newRef(k)), append(values, newRef(v))
	}
}

// NewSet gives an empty set, or frozenset.
func NewSet(frozen bool) (Ref, error) {
	f := C.int(0)
	if frozen {
		f = 1
	}
	return asRef(C.cpy_set_new(f))
}

// AddToSet borrows v. A frozenset may be added to only before anybody else has seen it.
func AddToSet(set, v Ref) error { return asError(C.cpy_set_add(pyObject(set), pyObject(v))) }
