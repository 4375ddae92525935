// Package pycall calls a Python function with bytes: the road of every served request. One crossing into C takes the
// GIL, calls, and gives the GIL back.
//
// A call is made in one of two ways. Where a permit is free, and the caller is going to wait whatever becomes of its
// context, the caller's goroutine makes the call itself (pycall.go): that costs least. All other calls are queued in the
// gate (queued.go), whose dispatcher makes them, several in one crossing where they wait together (batch.go): a caller
// whose context ends can leave a queued call behind.
package pycall

import (
	"context"
	"errors"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/callcontext"
	"github.com/gopyrpc/gopyrpc/internal/calltimes"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/deferred"
	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/interrupt"
)

// ErrNoCallable is a call of nothing.
var ErrNoCallable = errors.New("nothing to call: nil")

// Bytes calls fn(payload) or fn(payload, extra) in one crossing: permit, attach, call, detach.
// When ctx ends meanwhile the call is interrupted. A call that does not react is left behind, and its outcome
// is dropped; the payload must not be changed then, as Python may still read it.
//
// The outcome is written to out, and not returned, as every function on the way would copy it: where a thousand callers
// wait, their stacks are in no processor's cache.
//
// The GIL must not be held; the goroutine is not locked to its thread. Bytes borrows fn and extra; what the outcome
// carries is owned by the caller. It waits for ctx, then for the GIL, then for user code; with a ctx that can end, no
// longer than that and gil.Patience.
//
// Errors: those of gil.Acquire, gil.ErrHeld, ErrNoCallable, and a *gil.InterruptedError.
func Bytes(ctx context.Context, fn cpython.Ref, payload []byte, extra cpython.Ref, out *cpython.Outcome) error {
	gil.AssertNotHeld()
	completion := callcontext.CompletionOf(ctx)
	if ctx.Done() == nil || (ctx.Err() == nil && completion != nil) {
		permit, ok, err := gate.Process.TryEnter(callcontext.Label(ctx))
		if err != nil {
			return err
		}
		if ok {
			if entered := completion.Entered(); entered != nil {
				entered()
			}
			return direct(ctx, permit, fn, payload, extra, out)
		}
	}
	// The callers in the queue before this one may be waiting for the very GIL that it holds.
	if cpython.Held() {
		return gil.ErrHeld
	}
	return queue(ctx, completion, fn, payload, extra, out)
}

// direct makes the call on the caller's goroutine, which waits for it whatever becomes of ctx.
func direct(ctx context.Context, permit *gate.Permit, fn cpython.Ref, payload []byte, extra cpython.Ref, out *cpython.Outcome) (err error) {
	defer permit.Leave()
	if ctx.Done() == nil {
		*out, err = call(permit, fn, payload, extra, nil)
		return err
	}
	c := interrupt.NewCall(callcontext.Label(ctx))
	stop := context.AfterFunc(ctx, c.Stop)
	*out, err = call(permit, fn, payload, extra, c.Target())
	c.End()
	if err == cpython.ErrInterrupted {
		return (*gil.InterruptedError)(c.Interrupted(ctx, false))
	}
	if stop() {
		c.Put()
	}
	return err
}

// call makes the call under a permit, and drops references first that were released without the GIL.
func call(permit *gate.Permit, fn cpython.Ref, payload []byte, extra cpython.Ref, target *cpython.Target) (cpython.Outcome, error) {
	if fn == nil {
		return cpython.Outcome{}, ErrNoCallable
	}
	if cpython.Pending() > 0 {
		deferred.Drop(permit.ID())
	}
	out, t, err := cpython.CallBytes(permit.ID(), fn, payload, extra, target)
	return out, account(t, err)
}

// account counts a call that was made, and gives its error as package gil does.
func account(t *cpython.Timing, err error) error {
	if err == cpython.ErrClosed {
		return gil.ErrClosed
	}
	if t != nil {
		calltimes.Wait.AddN(t.Wait, t.Calls)
		calltimes.Hold.AddN(t.Hold, t.Calls)
	}
	return err
}
