package cpython

/*
#include "bridge.h"
*/
import "C"

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"
)

// How much goes into a [Batch]: payloads, and results as they are expected; a result that finds no room comes back
// as a reference, as a large one does.
const (
	batchPayload  = 4 << 10   // of one call
	batchPayloads = 128 << 10 // of all
	batchResult   = 128       // of one call, on the average
)

// Batch is several small calls that are made in one crossing, one after the other.
type Batch struct {
	calls    []C.cpy_batch_call
	payloads []byte
	results  []byte
	pinner   runtime.Pinner // of targets
}

var batches = sync.Pool{New: func() any { return new(Batch) }}

// NewBatch gives an empty batch.
func NewBatch() *Batch { return batches.Get().(*Batch) }

// Put puts a batch back into its pool that nobody uses any more.
func (b *Batch) Put() {
	b.pinner.Unpin()
	b.calls, b.payloads = b.calls[:0], b.payloads[:0]
	batches.Put(b)
}

// Add puts one call more into the batch, with the arguments of [CallBytes]; false when it does not fit. The
// payload is copied; fn, extra and target need to live as there.
func (b *Batch) Add(fn Ref, payload []byte, extra Ref, target *Target) bool {
	if len(payload) > batchPayload || len(b.payloads)+len(payload) > batchPayloads {
		return false
	}
	b.calls = append(b.calls, C.cpy_batch_call{
		args:   C.cpy_call_args{fn: number(fn), extra: number(extra)},
		offset: C.Py_ssize_t(len(b.payloads)),
		len:    C.Py_ssize_t(len(payload)),
	})
	b.payloads = append(b.payloads, payload...)
	if target != nil {
		b.pinner.Pin(target)
		b.calls[len(b.calls)-1].target = C.uintptr_t(uintptr(unsafe.Pointer(target.c())))
	}
	return true
}

// Run makes the calls, one after the other. Before call i it changes claims[i] from 0 to 1, atomically. It leaves the call
// out where that fails, and else sets current, which is -1 at first, to i. A goroutine that has seen i in current may ask
// for the outcomes of the calls before i. The error is [ErrClosed] or [ErrHeld], and then none was made.
func (b *Batch) Run(permit int, claims []uint32, current *int32) error {
	b.results = slices.Grow(b.results[:0], smallResult+len(b.calls)*batchResult)
	b.results = b.results[:cap(b.results)]
	atomic.StoreInt32(current, -1) // for the race detector too, which does not see what C stores
	status := C.cpy_call_batch(C.int(permit), &b.calls[0], C.uint32_t(len(b.calls)), (*C.uint32_t)(unsafe.Pointer(&claims[0])),
		(*C.int32_t)(unsafe.Pointer(current)), (*C.uchar)(unsafe.SliceData(b.payloads)), (*C.uchar)(&b.results[0]), C.Py_ssize_t(len(b.results)))
	return statusError(status, nil)
}

// Outcome is that of call i, which is over. To be asked for once.
func (b *Batch) Outcome(i int) (Outcome, *Timing, error) {
	out := &b.calls[i].out
	o, err := outcome(out, b.results)
	return o, timing(out), err
}
