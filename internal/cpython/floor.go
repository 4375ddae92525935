package cpython

/*
#include "bridge.h"
*/
import "C"

import (
	"errors"
	"time"
	"unsafe"
)

var errBench = errors.New("a measured call raised an exception")

// CallFloor makes the calls of [CallBytes] in a loop in C, on one thread state, without Go in between:
// what the bridge cannot be faster than.
func CallFloor(fn Ref, payload []byte, calls int) (time.Duration, error) {
	ns := C.cpy_floor(pyObject(fn), unsafe.Pointer(unsafe.SliceData(payload)), C.Py_ssize_t(len(payload)), C.int64_t(calls))
	if ns < 0 {
		return 0, errBench
	}
	return time.Duration(ns), nil
}

// CallFloorSteps makes the three calls of a request, as torch's C++ handler does, in a loop in C.
func CallFloorSteps(deserialize, run, serialize Ref, payload []byte, calls int) (time.Duration, error) {
	ns := C.cpy_floor_steps(pyObject(deserialize), pyObject(run), pyObject(serialize),
		unsafe.Pointer(unsafe.SliceData(payload)), C.Py_ssize_t(len(payload)), C.int64_t(calls))
	if ns < 0 {
		return 0, errBench
	}
	return time.Duration(ns), nil
}

// CallNaive makes one call as programs do over a 1:1 binding: a crossing for each C-API function, and
// PyGILState_Ensure and _Release round each call, with no thread state kept. The calling goroutine
// must be locked to a thread without a warm state; see [RetireThread].
func CallNaive(fn Ref, payload []byte) ([]byte, error) {
	state := C.cpy_naive_ensure()
	defer C.cpy_naive_release(state)
	args := C.cpy_naive_tuple()
	C.cpy_naive_set(args, C.cpy_naive_bytes(unsafe.Pointer(unsafe.SliceData(payload)), C.Py_ssize_t(len(payload))))
	result := C.cpy_naive_call(pyObject(fn), args)
	C.cpy_naive_decref(args)
	if result == nil {
		return nil, errBench
	}
	var n C.Py_ssize_t
	data := C.cpy_naive_data(result, &n)
	out := C.GoBytes(unsafe.Pointer(data), C.int(n))
	C.cpy_naive_decref(result)
	return out, nil
}
