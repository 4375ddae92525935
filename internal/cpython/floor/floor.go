// Package floor makes in C the calls that the bridge makes, as fast as they can be made, and as programs over a 1:1 binding
// make them. Benchmarks compare with it. It is a package by itself so that programs that use the bridge do not link it.
//
// It calls CPython through the table of package cpython, and takes the GIL by its thread states.
package floor

/*
#cgo CFLAGS: -std=gnu11 -O2 -Wall -Wextra -Wno-unused-parameter -I${SRCDIR}/..
#include "floor.h"

static void use(void *table, void *attach, void *detach) {
	floor_use(table, (int (*)(int))attach, (int (*)(void))detach);
}
*/
import "C"

import (
	"errors"
	"time"
	"unsafe"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

func init() {
	table, attach, detach := cpython.Table()
	C.use(table, attach, detach)
}

func pyObject(r cpython.Ref) *C.PyObject { return (*C.PyObject)(unsafe.Pointer(r)) }

var errCall = errors.New("a measured call raised an exception")

// Calls makes the calls of [cpython.CallBytes] in a loop in C, on one thread state, without Go in between:
// what the bridge cannot be faster than.
func Calls(fn cpython.Ref, payload []byte, calls int) (time.Duration, error) {
	ns := C.floor_calls(pyObject(fn), unsafe.Pointer(unsafe.SliceData(payload)), C.Py_ssize_t(len(payload)), C.int64_t(calls))
	if ns < 0 {
		return 0, errCall
	}
	return time.Duration(ns), nil
}

// Steps makes the three calls of a request, as torch's C++ handler does, in a loop in C.
func Steps(deserialize, run, serialize cpython.Ref, payload []byte, calls int) (time.Duration, error) {
	ns := C.floor_steps(pyObject(deserialize), pyObject(run), pyObject(serialize),
		unsafe.Pointer(unsafe.SliceData(payload)), C.Py_ssize_t(len(payload)), C.int64_t(calls))
	if ns < 0 {
		return 0, errCall
	}
	return time.Duration(ns), nil
}

// Naive makes one call as programs do over a 1:1 binding: a crossing for each C-API function, and
// PyGILState_Ensure and _Release round each call, with no thread state kept. The calling goroutine
// must be locked to a thread without a warm state; see [cpython.RetireThread].
func Naive(fn cpython.Ref, payload []byte) ([]byte, error) {
	state := C.naive_ensure()
	defer C.naive_release(state)
	args := C.naive_tuple()
	C.naive_set(args, C.naive_bytes(unsafe.Pointer(unsafe.SliceData(payload)), C.Py_ssize_t(len(payload))))
	result := C.naive_call(pyObject(fn), args)
	C.naive_decref(args)
	if result == nil {
		return nil, errCall
	}
	var n C.Py_ssize_t
	data := C.naive_data(result, &n)
	out := C.GoBytes(unsafe.Pointer(data), C.int(n))
	C.naive_decref(result)
	return out, nil
}
