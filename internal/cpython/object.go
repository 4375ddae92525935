package cpython

/*
#include "bridge.h"
*/
import "C"

// None, True and False are immortal or never freed while the interpreter lives; borrowed.
func None() Ref  { return newRef(C.cpy_none()) }
func True() Ref  { return newRef(C.cpy_true()) }
func False() Ref { return newRef(C.cpy_false()) }

// IncRef gives a new reference to o.
func IncRef(o Ref) (Ref, error) { return asRef(C.cpy_incref(pyObject(o))) }

// DecRef consumes o. GIL held; user code may run.
func DecRef(o Ref) error {
	p := pyObject(o)
	return statusError(C.cpy_decref(&p, 1), nil)
}

// Import is PyImport_Import: the module named, dots and all. New reference.
func Import(name string) (Ref, error) { return asRef(C.cpy_import(chars(name))) }

// Type is the class of o. New reference.
func Type(o Ref) (Ref, error) { return asRef(C.cpy_type(pyObject(o))) }

// GetAttr is PyObject_GetAttr. New reference.
func GetAttr(o Ref, name string) (Ref, error) {
	p, n := chars(name)
	return asRef(C.cpy_getattr(pyObject(o), p, n))
}

// SetAttr is PyObject_SetAttr; v is borrowed.
func SetAttr(o Ref, name string, v Ref) error {
	p, n := chars(name)
	return asError(C.cpy_setattr(pyObject(o), p, n, pyObject(v)))
}

// Call is PyObject_Call with a tuple and a dict (nil for none), all borrowed. New reference.
func Call(fn, args, kwargs Ref) (Ref, error) {
	return asRef(C.cpy_call(pyObject(fn), pyObject(args), pyObject(kwargs)))
}

// Repr is PyObject_Repr. New reference.
func Repr(o Ref) (Ref, error) { return asRef(C.cpy_repr(pyObject(o))) }

// Str is PyObject_Str. New reference.
func Str(o Ref) (Ref, error) { return asRef(C.cpy_str(pyObject(o))) }

// IsTrue is PyObject_IsTrue.
func IsTrue(o Ref) (bool, error) {
	n, err := asInt(C.cpy_is_true(pyObject(o)))
	return n != 0, err
}

// IsInstance is PyObject_IsInstance.
func IsInstance(o, class Ref) (bool, error) {
	n, err := asInt(C.cpy_is_instance(pyObject(o), pyObject(class)))
	return n != 0, err
}

// Callable is PyCallable_Check.
func Callable(o Ref) (bool, error) {
	n, err := asInt(C.cpy_callable(pyObject(o)))
	return n != 0, err
}

// Size is PyObject_Size.
func Size(o Ref) (int, error) {
	n, err := asInt(C.cpy_size(pyObject(o)))
	return int(n), err
}

// GetItem is PyObject_GetItem. New reference.
func GetItem(o, key Ref) (Ref, error) { return asRef(C.cpy_getitem(pyObject(o), pyObject(key))) }

// SetItem is PyObject_SetItem; key and v are borrowed.
func SetItem(o, key, v Ref) error {
	return asError(C.cpy_setitem(pyObject(o), pyObject(key), pyObject(v)))
}

// Iter is PyObject_GetIter. New reference.
func Iter(o Ref) (Ref, error) { return asRef(C.cpy_iter(pyObject(o))) }

// Next is PyIter_Next. New reference, nil at the end.
func Next(iterator Ref) (Ref, error) { return asRef(C.cpy_next(pyObject(iterator))) }

// FetchException takes the pending exception of this thread, nil when there is none. New reference.
func FetchException() (Ref, error) { return asRef(C.cpy_fetch()) }

// FreeTraceback reports whether exc, or failure, which came of looking at it, is a MemoryError. The variables of exc's
// frames may be what fills the memory, so they are given up then, with the traceback, and garbage is collected.
func FreeTraceback(failure, exc Ref) (bool, error) {
	n, err := asInt(C.cpy_free_traceback(pyObject(failure), pyObject(exc)))
	return n != 0, err
}

// SetException makes exc, borrowed, the pending exception of this thread.
func SetException(exc Ref) error { return statusError(C.cpy_raise(pyObject(exc)), nil) }
