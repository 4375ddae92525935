package gil

import (
	"context"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// Outcome is what came of a call, for [CallBytes] to write.
type Outcome = cpython.Outcome

// CallBytes calls fn(payload) or fn(payload, extra) in one crossing: permit, attach, call, detach.
// It is the road of every served request; its callers are the handler's, through package pybridge.
// When ctx ends meanwhile the call is interrupted; one that does not react is left to itself, and what
// comes of it is dropped. The payload must not be changed then: Python may still read it.
//
// The outcome is written to out, and not returned, as it would be copied by every function on the way: where
// a thousand wait, the stacks that they come back to are in nobody's cache.
//
// GIL: acquires; must not be held
// Thread: any; the goroutine is not locked to it
// Ref: borrows fn and extra; what the outcome carries is owned by the caller
// Blocks: ctx, then the GIL, then user code; with a ctx that can end, no longer than that and Patience
//
// Errors: those of [Acquire], ErrHeld, ErrNoCallable, and an *InterruptedError.
func CallBytes(ctx context.Context, fn cpython.Ref, payload []byte, extra cpython.Ref, out *Outcome) error {
	AssertNotHeld()
	s := staying(ctx)
	if ctx.Done() == nil || (ctx.Err() == nil && s != nil) {
		permit, ok, err := gate.Process.TryEnter(label(ctx))
		if err != nil {
			return err
		}
		if ok {
			if entered := s.told(); entered != nil {
				entered()
			}
			return directCall(ctx, permit, fn, payload, extra, out)
		}
	}
	// Those before the caller may be waiting for the very GIL that it holds.
	if cpython.Held() {
		return ErrHeld
	}
	return carriedCall(ctx, s, fn, payload, extra, out)
}

// directCall makes the call on the caller's goroutine, which waits for it whatever becomes of ctx.
func directCall(ctx context.Context, permit *gate.Permit, fn cpython.Ref, payload []byte, extra cpython.Ref, out *Outcome) (err error) {
	defer permit.Leave()
	if ctx.Done() == nil {
		*out, err = callBytes(permit, fn, payload, extra, nil)
		return err
	}
	i := newInterruption(label(ctx))
	stop := context.AfterFunc(ctx, i.stop)
	*out, err = callBytes(permit, fn, payload, extra, &i.target)
	i.end()
	if err == cpython.ErrInterrupted {
		return i.error(ctx, false)
	}
	if stop() {
		i.recycle()
	}
	return err
}

// callBytes makes the call under a permit, after what others have left to be dropped.
func callBytes(permit *gate.Permit, fn cpython.Ref, payload []byte, extra cpython.Ref, target *cpython.Target) (cpython.Outcome, error) {
	if fn == nil {
		return cpython.Outcome{}, ErrNoCallable
	}
	if cpython.Pending() > 0 {
		dropPending(permit.ID())
	}
	out, t, err := cpython.CallBytes(permit.ID(), fn, payload, extra, target)
	return out, account(t, err)
}

// account counts a call that was made, and gives its error as this package does.
func account(t *cpython.Timing, err error) error {
	if err == cpython.ErrClosed {
		return ErrClosed
	}
	if t != nil {
		waits.addTimes(t.Wait, t.Calls)
		holds.addTimes(t.Hold, t.Calls)
	}
	return err
}
