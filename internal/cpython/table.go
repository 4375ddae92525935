package cpython

/*
#include "bridge.h"
*/
import "C"

import "unsafe"

// Table lends C code of another package what it needs to call CPython: the functions (a struct cpy_api, see api.h, which is
// filled when the library is loaded), and cpy_attach and cpy_detach, which bridge.h declares.
func Table() (functions, attach, detach unsafe.Pointer) {
	return unsafe.Pointer(&C.cpy), unsafe.Pointer(C.cpy_attach), unsafe.Pointer(C.cpy_detach)
}
