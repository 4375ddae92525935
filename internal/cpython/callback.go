package cpython

/*
#include <stdlib.h>
#include "bridge.h"
*/
import "C"

import (
	"sync"
	"unsafe"
)

// Callback is a Go function that Python calls with the GIL held: args is a tuple, kwargs a dict or
// nil, both borrowed. It returns a new reference, or an owned exception to raise.
type Callback func(args, kwargs Ref) (result, exception Ref)

// Only numbers go into Python's memory; what they stand for is here.
var callbacks struct {
	mu sync.Mutex
	// guarded by mu
	last uintptr
	byID map[uintptr]callback
}

type callback struct {
	call    Callback
	dropped func()
}

// NewCallback gives a new Python callable that runs f. When Python drops the callable, f is dropped
// and dropped, if not nil, is called with the GIL held: it must not block or enter Python.
// f must neither panic nor end its goroutine.
func NewCallback(name, doc string, f Callback, dropped func()) (Ref, error) {
	callbacks.mu.Lock()
	if callbacks.byID == nil {
		callbacks.byID = map[uintptr]callback{}
	}
	callbacks.last++
	id := callbacks.last
	callbacks.byID[id] = callback{f, dropped}
	callbacks.mu.Unlock()

	n, d := C.CString(name), C.CString(doc)
	defer C.free(unsafe.Pointer(n))
	defer C.free(unsafe.Pointer(d))
	r, err := asRef(C.cpy_callback_new(C.uintptr_t(id), n, d))
	if err != nil {
		pyrpcCallbackDropped(C.uintptr_t(id))
	}
	return r, err
}

// Callbacks is the number of Go functions that Python holds.
func Callbacks() int {
	callbacks.mu.Lock()
	defer callbacks.mu.Unlock()
	return len(callbacks.byID)
}

//export pyrpcCallback
func pyrpcCallback(id C.uintptr_t, args, kwargs *C.PyObject) *C.PyObject {
	callbacks.mu.Lock()
	f := callbacks.byID[uintptr(id)]
	callbacks.mu.Unlock()
	result, exception := f.call(newRef(args), newRef(kwargs))
	if exception != nil {
		_ = SetException(exception)
		_ = DecRef(exception)
		return nil
	}
	return pyObject(result)
}

//export pyrpcCallbackDropped
func pyrpcCallbackDropped(id C.uintptr_t) {
	callbacks.mu.Lock()
	dropped := callbacks.byID[uintptr(id)].dropped
	delete(callbacks.byID, uintptr(id))
	callbacks.mu.Unlock()
	if dropped != nil {
		dropped()
	}
}
