// Package cpython is the only place where Go and CPython touch.
//
// It loads libpython at run time, keeps one warm thread state per OS thread, and wraps the C-API in
// functions that take and give references and plain values. Nothing here decides policy: which callers may
// enter is package gate's, lifetimes and errors are package pybridge's.
//
// Every operation checks on the C side that the calling thread holds the GIL through [Attach] and
// returns [ErrNotHeld] otherwise, so misuse is an error and never undefined behaviour. Callers that
// make several calls under one attach must have locked the goroutine to its OS thread.
package cpython

/*
#cgo CFLAGS: -std=gnu11 -O2 -Wall -Wextra -Wno-unused-parameter
#cgo linux LDFLAGS: -ldl -lpthread
#include <stdlib.h>
#include "bridge.h"
*/
import "C"

import (
	"errors"
	"unsafe"
)

// Ref is a PyObject*. Whether it is owned or borrowed is said by each function.
type Ref unsafe.Pointer

// Errors of this package's own; a Python exception is a [*Raised].
var (
	ErrNotHeld     = errors.New("the GIL is not held by the calling goroutine")
	ErrHeld        = errors.New("the GIL is held by the calling goroutine: this call takes it itself and would wait for its own holder")
	ErrClosed      = errors.New("the Python interpreter is closed")
	ErrInterrupted = errors.New("the call was interrupted")
	ErrPending     = errors.New("a Python exception was left pending when the GIL was given back, and was dropped: C-API calls made outside pybridge must fetch theirs")
)

// Raised carries an owned reference to an exception instance, taken from CPython's error indicator.
type Raised struct{ Exception Ref }

func (*Raised) Error() string { return "a Python exception was raised" }

func pyObject(r Ref) *C.PyObject { return (*C.PyObject)(unsafe.Pointer(r)) }
func newRef(o *C.PyObject) Ref   { return Ref(unsafe.Pointer(o)) }

func statusError(status C.int, exception *C.PyObject) error {
	switch status {
	case C.CPY_OK:
		return nil
	case C.CPY_RAISED:
		return &Raised{newRef(exception)}
	case C.CPY_NOT_HELD:
		return ErrNotHeld
	case C.CPY_HELD:
		return ErrHeld
	case C.CPY_PENDING:
		return ErrPending
	case C.CPY_INTERRUPTED:
		return ErrInterrupted
	default:
		return ErrClosed
	}
}

func asRef(r C.cpy_ref) (Ref, error) {
	if r.status == C.CPY_OK {
		return newRef(r.ref), nil
	}
	return nil, statusError(r.status, r.ref)
}

func asInt(r C.cpy_int) (int64, error) {
	if r.status == C.CPY_OK {
		return int64(r.n), nil
	}
	return 0, statusError(r.status, r.ref)
}

func asError(r C.cpy_int) error {
	if r.status == C.CPY_OK {
		return nil
	}
	return statusError(r.status, r.ref)
}

// chars gives the address and the length of s for a call that does not keep them.
func chars(s string) (*C.char, C.Py_ssize_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(s))), C.Py_ssize_t(len(s))
}
