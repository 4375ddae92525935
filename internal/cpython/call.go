package cpython

/*
#include <string.h>
#include "bridge.h"
*/
import "C"

import (
	"sync"
	"time"
	"unsafe"
)

// From this size on Python reads a payload in Go's memory instead of in a copy.
const viewThreshold = 64 << 10

// Results up to this size come back in the same crossing; larger ones take a second one for the copy.
const smallResult = 2 << 10

// Outcome is what [CallBytes] brought back: Data, or Object when the result was no bytes object, or
// Exception. Owner, Object and Exception are owned references.
type Outcome struct {
	Data      []byte
	Owner     Ref // of Data, which is its memory: a large result. Nil when Data is Go's own
	Object    Ref
	Exception Ref
	Times     int           // how many calls Wait and Hold stand for: 0 when this one was not timed
	Wait      time.Duration // for the GIL
	Hold      time.Duration // of the GIL

	PayloadHeld bool // some Python object can still reach the payload: it must stay as it is
}

// Drop releases what the outcome carries, for a caller that does not want it.
func (o *Outcome) Drop() {
	for _, r := range []Ref{o.Owner, o.Object, o.Exception} {
		if r != nil {
			ReleaseLater(r)
		}
	}
	*o = Outcome{}
}

type callFrame struct {
	args  C.cpy_call_args
	out   C.cpy_call_result
	small [smallResult]byte
}

var callFrames = sync.Pool{New: func() any { return new(callFrame) }}

// heldPayloads keeps alive, for good, what some Python object still exports after its call.
var heldPayloads struct {
	sync.Mutex
	list [][]byte
}

// CallBytes attaches, calls fn(payload) or fn(payload, extra) and detaches, in one crossing that any
// goroutine may make without being locked to its thread. fn and extra (nil for none) are borrowed.
// The payload reaches Python as bytes, or as a read-only memoryview when it is large, which is released
// before the return; what Python has kept of it all the same stays valid. The error is [ErrClosed] or [ErrHeld].
//
// target, nil for none, is how others may interrupt the call; then fn and extra need to live until the
// call has the GIL, or the target is stopped, and no longer. [ErrInterrupted] is the error when it was
// stopped or interrupted, whatever came of it.
func CallBytes(permit int, fn Ref, payload []byte, extra Ref, target *Target) (Outcome, error) {
	f := callFrames.Get().(*callFrame)
	defer callFrames.Put(f)
	f.args = C.cpy_call_args{fn: number(fn), extra: number(extra), permit: C.int(permit)}
	if len(payload) >= viewThreshold {
		f.args.as_view = 1
	}
	C.cpy_call_bytes(&f.args, (*C.uchar)(unsafe.SliceData(payload)), C.Py_ssize_t(len(payload)),
		(*C.uchar)(&f.small[0]), smallResult, &f.out, target.c())
	return f.outcome(payload)
}

func number(r Ref) C.uintptr_t { return C.uintptr_t(uintptr(unsafe.Pointer(r))) }

// reference turns an address that C gave back into a pointer. It is C's memory, which does not move.
func reference(n C.uintptr_t) Ref { return *(*Ref)(unsafe.Pointer(&n)) }

func (f *callFrame) outcome(payload []byte) (Outcome, error) {
	out := &f.out
	var o Outcome
	if out.payload_held != 0 {
		o.PayloadHeld = true
		heldPayloads.Lock()
		heldPayloads.list = append(heldPayloads.list, payload)
		heldPayloads.Unlock()
	}
	if out.timed != 0 {
		o.Times, o.Wait, o.Hold = C.CPY_TIMED, time.Duration(out.wait_ns), time.Duration(out.hold_ns)
	}
	if out.interrupted != 0 {
		if out.obj != 0 {
			ReleaseLater(reference(out.obj))
		}
		return o, ErrInterrupted
	}
	switch out.status {
	case C.CPY_CLOSED, C.CPY_HELD, C.CPY_INTERRUPTED:
		return Outcome{}, statusError(out.status, nil)
	case C.CPY_RAISED:
		o.Exception = reference(out.obj)
		return o, nil
	}
	switch {
	case out.data == 0:
		o.Object = reference(out.obj)
	case out.obj == 0:
		o.Data = append(make([]byte, 0, out.len), f.small[:out.len]...)
	default:
		// Immutable and owned, so its bytes may be read without the GIL.
		o.Data = unsafe.Slice((*byte)(unsafe.Pointer(reference(out.data))), out.len)
		o.Owner = reference(out.obj)
	}
	return o, nil
}
