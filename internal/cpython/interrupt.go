package cpython

/*
#include "bridge.h"
#cgo nocallback cpy_target_stop
#cgo noescape cpy_target_stop
*/
import "C"

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

// End says that it no longer is, and does so in the mark, too, if there is one. The calling thread holds
// the GIL. It reports whether the target was interrupted: whether the second item of the mark is true, or [Target.Wake]
// was called. A target that ended before its thread looked at the mark was not.
func (t *Target) End() bool { return C.cpy_target_end(t.c()) != 0 }

// Wake says that what the thread inside waits for in Go was ended, for the target's sake. The GIL is held.
func (t *Target) Wake() { C.cpy_target_wake(t.c()) }

// Stop keeps what has not begun from beginning. Any thread, without the GIL.
func (t *Target) Stop() { C.cpy_target_stop(t.c()) }

// Ident is Python's name of the thread that is inside, 0 when none is. The GIL is held.
func (t *Target) Ident() uint64 { return uint64(C.cpy_target_ident(t.c())) }

// Permit is what the thread that is inside came in with; 0 when none is, or came without. As long as the GIL is held
// it stays inside, and so that permit is its own.
func (t *Target) Permit() int { return int(C.cpy_target_permit(t.c())) }

// Mark gives the target the list fresh as its mark, unless it has one, and returns the one that it has: a
// new reference, nil when no thread is inside. The end of the target replaces the list's first item by None.
// The GIL is held.
func (t *Target) Mark(fresh Ref) (Ref, error) {
	return asRef(C.cpy_target_mark(t.c(), pyObject(fresh)))
}

// Trace has look(frame, what, arg) called by what the thread inside executes (PyTrace_CALL, _RETURN,
// _OPCODE and _C_RETURN), until it sets another trace and profile function itself. An exception of look's is
// raised there. Up to CPython 3.11 (_PyEval_SetTrace, _PyEval_SetProfile). The GIL is held, and may be given up.
func (t *Target) Trace(look Ref) error {
	return statusError(C.cpy_target_trace(t.c(), pyObject(look)), nil)
}

// ThreadIdent is Python's name of the calling OS thread (threading.get_ident). Python is loaded.
func ThreadIdent() uint64 { return uint64(C.cpy_thread_ident()) }
