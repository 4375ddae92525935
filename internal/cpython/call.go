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

// Outcome is what [CallBytes] brought back.
type Outcome struct {
	Data        []byte // for Bytes and LentBytes
	Ref         Ref    // owned; nil for Bytes
	What        What
	PayloadHeld bool // some Python object can still reach the payload: it must stay as it is
}

// What an [Outcome] is.
type What uint8

// What there can be.
const (
	Bytes     What = iota // Data is Go's own
	LentBytes             // Data is the memory of Ref, a large result
	Object                // Ref is the result, which is no bytes object
	Exception             // Ref was raised
)

// Timing is how long a call took. One in so many is timed.
type Timing struct {
	Calls int           // how many it stands for
	Wait  time.Duration // for the GIL
	Hold  time.Duration // of the GIL
	After time.Duration // of the batch's begin and the call's own; 0 for a call of its own
}

// Drop releases what the outcome carries, for a caller that does not want it.
func (o *Outcome) Drop() {
	if o.Ref != nil {
		ReleaseLater(o.Ref)
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
// stopped before it began, or interrupted, whatever came of it. The timing is nil for most calls.
func CallBytes(permit int, fn Ref, payload []byte, extra Ref, target *Target) (Outcome, *Timing, error) {
	f := callFrames.Get().(*callFrame)
	defer callFrames.Put(f)
	f.args = C.cpy_call_args{fn: number(fn), extra: number(extra), permit: C.int(permit)}
	if len(payload) >= viewThreshold {
		f.args.as_view = 1
	}
	C.cpy_call_bytes(&f.args, (*C.uchar)(unsafe.SliceData(payload)), C.Py_ssize_t(len(payload)),
		(*C.uchar)(&f.small[0]), smallResult, &f.out, target.c())
	out, err := outcome(&f.out, f.small[:])
	if out.PayloadHeld {
		holdPayload(payload)
	}
	return out, timing(&f.out), err
}

func holdPayload(payload []byte) {
	heldPayloads.Lock()
	defer heldPayloads.Unlock()
	heldPayloads.list = append(heldPayloads.list, payload)
}

func number(r Ref) C.uintptr_t { return C.uintptr_t(uintptr(unsafe.Pointer(r))) }

// reference turns an address that C gave back into a pointer. It is C's memory, which does not move.
func reference(n C.uintptr_t) Ref { return *(*Ref)(unsafe.Pointer(&n)) }

func timing(out *C.cpy_call_result) *Timing {
	if out.timed == 0 {
		return nil
	}
	return &Timing{Calls: C.CPY_TIMED, Wait: time.Duration(out.wait_ns), Hold: time.Duration(out.hold_ns), After: time.Duration(out.after_ns)}
}

// outcome reads what C wrote; small is where it put small results.
func outcome(out *C.cpy_call_result, small []byte) (o Outcome, err error) {
	o.PayloadHeld = out.payload_held != 0
	o.Ref = reference(out.obj)
	if out.interrupted != 0 {
		if o.Ref != nil {
			ReleaseLater(o.Ref)
		}
		return Outcome{PayloadHeld: o.PayloadHeld}, ErrInterrupted
	}
	switch out.status {
	case C.CPY_CLOSED, C.CPY_HELD, C.CPY_INTERRUPTED:
		return o, statusError(out.status, nil)
	case C.CPY_RAISED:
		o.What = Exception
		return o, nil
	}
	switch {
	case out.data == 0:
		o.What = Object
	case out.obj == 0:
		start := uintptr(out.data) - uintptr(unsafe.Pointer(unsafe.SliceData(small)))
		o.Data = append(make([]byte, 0, out.len), small[start:][:out.len]...)
	default:
		// Immutable and owned, so its bytes may be read without the GIL.
		o.What = LentBytes
		o.Data = unsafe.Slice((*byte)(unsafe.Pointer(reference(out.data))), out.len)
	}
	return o, nil
}
