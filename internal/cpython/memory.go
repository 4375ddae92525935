package cpython

/*
#include "bridge.h"
*/
import "C"

import (
	"runtime"
	"unsafe"
)

// NewMemory gives a new memoryview of b, read-only, where it is. When Python has dropped it, and whatever
// else shows b, dropped is called as NewCallback says. Until then b must stay as it is. Where
// there is no view dropped is not called.
func NewMemory(b []byte, dropped func()) (Ref, error) {
	var pinner runtime.Pinner
	data := unsafe.SliceData(b)
	if len(b) > 0 {
		pinner.Pin(data)
	}
	id := register(callback{dropped: func() {
		pinner.Unpin()
		dropped()
	}})
	r, err := asRef(C.cpy_memory_new(unsafe.Pointer(data), C.Py_ssize_t(len(b)), id))
	if err != nil {
		pinner.Unpin()
		unregister(id)
	}
	return r, err
}
