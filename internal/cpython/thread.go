package cpython

/*
#include "bridge.h"
#cgo nocallback cpy_held
#cgo noescape cpy_held
#cgo nocallback cpy_permit
#cgo noescape cpy_permit
#cgo nocallback cpy_thread_id
#cgo noescape cpy_thread_id
#cgo nocallback cpy_orphan
#cgo noescape cpy_orphan
#cgo nocallback cpy_drains
#cgo noescape cpy_drains
*/
import "C"

// Attach takes the GIL for the calling OS thread, making its thread state on the first call and
// restoring it on later ones (PyGILState_Ensure, PyEval_RestoreThread). Nested attaches count.
// It blocks in C until the GIL is free, and fails only with [ErrClosed]. The outermost attach keeps
// permit, a number that [Permit] gives back to code that Python calls on this thread.
func Attach(permit int) error { return statusError(C.cpy_attach(C.int(permit)), nil) }

// Enter is [Attach] for a caller that will drain the queue of references (see [DrainPending]) before the outermost
// [Detach]. References that are given up meanwhile wake no other thread.
func Enter(permit int) error { return statusError(C.cpy_enter(C.int(permit)), nil) }

// Permit is the number that the calling OS thread entered with, 0 for none.
func Permit() int { return int(C.cpy_permit()) }

// Detach undoes one [Attach]; the outermost gives the GIL up (PyEval_SaveThread). It does so too when
// it returns [ErrPending].
func Detach() error { return statusError(C.cpy_detach(), nil) }

// Held reports whether the calling OS thread holds the GIL through [Attach].
func Held() bool { return C.cpy_held() != 0 }

// Orphan gives, once, the permit of an OS thread that ended while it held the GIL; 0 when there is none.
func Orphan() int { return int(C.cpy_orphan()) }

// ThreadID tells OS threads apart, also those that have ended.
func ThreadID() uintptr { return uintptr(C.cpy_thread_id()) }

// Suspension is what [Suspend] gave up and [Resume] takes back.
type Suspension struct{ saved C.cpy_nesting }

// Permit is the number that the suspended nesting was entered with.
func (s Suspension) Permit() int { return int(s.saved.permit) }

// Suspend gives the GIL up whatever the nesting, so that the thread may block or attach anew.
func Suspend() (Suspension, error) {
	var s Suspension
	err := statusError(C.cpy_suspend(&s.saved), nil)
	return s, err
}

// Resume takes the GIL back with the nesting that it had. It blocks in C until the GIL is free.
func Resume(s Suspension) { C.cpy_resume(s.saved) }

// Suspended reports whether the calling OS thread is between [Suspend] and [Resume].
func Suspended() bool { return C.cpy_suspended() != 0 }

// RetireThread drops the warm state of the calling OS thread, which must not hold the GIL.
func RetireThread() { C.cpy_thread_retire() }

// ThreadStates is the number of warm thread states alive.
func ThreadStates() int { return int(C.cpy_thread_states()) }

// CheckSignals calls the handlers of signals that have come, on Python's main thread, and does nothing on others. What a
// handler raised is a [*Raised].
func CheckSignals() error { return asError(C.cpy_check_signals()) }
