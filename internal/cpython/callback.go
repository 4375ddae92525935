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
	id := register(callback{f, dropped})
	n, d := C.CString(name), C.CString(doc)
	defer C.free(unsafe.Pointer(n))
	defer C.free(unsafe.Pointer(d))
	r, err := asRef(C.cpy_callback_new(id, n, d))
	if err != nil {
		gopyrpcCallbackDropped(id)
	}
	return r, err
}

func register(c callback) C.uintptr_t {
	callbacks.mu.Lock()
	defer callbacks.mu.Unlock()
	if callbacks.byID == nil {
		callbacks.byID = map[uintptr]callback{}
	}
	callbacks.last++
	callbacks.byID[callbacks.last] = c
	return C.uintptr_t(callbacks.last)
}

// Callbacks is the number of Go functions, and pieces of Go's memory, that Python holds.
func Callbacks() int {
	callbacks.mu.Lock()
	defer callbacks.mu.Unlock()
	return len(callbacks.byID)
}

//export gopyrpcCallback
func gopyrpcCallback(id C.uintptr_t, args, kwargs *C.PyObject) *C.PyObject {
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

//export gopyrpcCallbackDropped
func gopyrpcCallbackDropped(id C.uintptr_t) {
	if dropped := unregister(id).dropped; dropped != nil {
		dropped()
	}
}

func unregister(id C.uintptr_t) callback {
	callbacks.mu.Lock()
	defer callbacks.mu.Unlock()
	c := callbacks.byID[uintptr(id)]
	delete(callbacks.byID, uintptr(id))
	return c
}
