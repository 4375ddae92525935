package cpython

/*
#include <stdlib.h>
#include "bridge.h"
#cgo nocallback cpy_target_stop
#cgo noescape cpy_target_stop
*/
import "C"

import "unsafe"

// Target is a call, or a nesting of attaches, that another thread may interrupt. The zero Target is
// ready. It can be used again after its end, once nobody interrupts it any more.
type Target struct{ target C.cpy_target }

func (t *Target) c() *C.cpy_target {
	if t == nil {
		return nil
	}
	return &t.target
}

// Begin says that the calling thread, which holds the GIL, is now inside; [ErrInterrupted] when the
// target was stopped before.
func (t *Target) Begin() error { return statusError(C.cpy_target_begin(t.c()), nil) }

// End says that it no longer is, and takes back an exception that was sent and not raised yet. The
// calling thread holds the GIL. It reports whether any was sent.
func (t *Target) End() bool { return C.cpy_target_end(t.c()) != 0 }

// Stop keeps what has not begun from beginning. Any thread, without the GIL.
func (t *Target) Stop() { C.cpy_target_stop(t.c()) }

// Ident is Python's name of the thread that is inside, 0 when none is. The GIL is held.
func (t *Target) Ident() uint64 { return uint64(C.cpy_target_ident(t.c())) }

// Permit is what the thread that is inside came in with; 0 when none is, or came without. As long as the GIL is held
// it stays inside, and so that permit is its own.
func (t *Target) Permit() int { return int(C.cpy_target_permit(t.c())) }

// Code is the code object that the thread inside executes (PyThreadState_GetFrame, PyFrame_GetCode), nil
// when it executes none. New reference. The GIL is held, and may be given up for a moment.
func (t *Target) Code() (Ref, error) { return asRef(C.cpy_target_code(t.c())) }

// ThreadIdent is Python's name of the calling OS thread (threading.get_ident). Python is loaded.
func ThreadIdent() uint64 { return uint64(C.cpy_thread_ident()) }

// Interrupt sends the exception class to the thread that is inside, which raises it when it next runs
// bytecode (PyThreadState_SetAsyncExc); false when none is inside. The GIL is held.
func (t *Target) Interrupt(class Ref) (bool, error) {
	sent := C.cpy_interrupt(t.c(), pyObject(class))
	return sent.n > 0, statusError(sent.status, sent.ref)
}

// NewException makes an exception class from its dotted name (PyErr_NewExceptionWithDoc).
func NewException(name, doc string, base Ref) (Ref, error) {
	n, d := C.CString(name), C.CString(doc)
	defer C.free(unsafe.Pointer(n))
	defer C.free(unsafe.Pointer(d))
	return asRef(C.cpy_new_exception(n, d, pyObject(base)))
}
