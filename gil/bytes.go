package gil

import (
	"context"
	"sync"
	"time"

	"github.com/pyrpc/pyrpc/internal/cpython"
	"github.com/pyrpc/pyrpc/internal/gate"
)

// CallBytes calls fn(payload) or fn(payload, extra) in one crossing: permit, attach, call, detach.
// It is the road of every served request; its callers are the handler's, through package pybridge.
//
// GIL: acquires; must not be held
// Thread: any; the goroutine is not locked to it
// Ref: borrows fn and extra; what the outcome carries is owned by the caller
// Blocks: ctx, then the GIL, then user code
//
// Errors: those of [Acquire], and ErrHeld.
func CallBytes(ctx context.Context, fn cpython.Ref, payload []byte, extra cpython.Ref) (cpython.Outcome, error) {
	if ctx.Err() == nil {
		permit, ok, err := gate.Process.TryEnter(label(ctx))
		if err != nil {
			return cpython.Outcome{}, err
		}
		if ok {
			defer permit.Leave()
			return callBytes(permit, fn, payload, extra)
		}
	}
	// Those before the caller may be waiting for the very GIL that it holds.
	if cpython.Held() {
		return cpython.Outcome{}, ErrHeld
	}
	return queuedCall(ctx, fn, payload, extra)
}

// callBytes makes the call under a permit, after what others have left to be dropped.
func callBytes(permit *gate.Permit, fn cpython.Ref, payload []byte, extra cpython.Ref) (cpython.Outcome, error) {
	if cpython.Pending() > 0 {
		dropPending(permit.ID())
	}
	out, err := cpython.CallBytes(permit.ID(), fn, payload, extra)
	if err == cpython.ErrClosed {
		return out, ErrClosed
	}
	if out.Times > 0 {
		waits.addTimes(out.Wait, out.Times)
		holds.addTimes(out.Hold, out.Times)
	}
	return out, err
}

// bytesCall is a call that waits in the gate: a gate.Job.
type bytesCall struct {
	fn, extra cpython.Ref
	payload   []byte
	began     time.Duration
	out       cpython.Outcome
	err       error
}

var calls = sync.Pool{New: func() any { return new(bytesCall) }}

// Run makes the call.
func (c *bytesCall) Run(permit *gate.Permit) {
	c.began = now()
	c.out, c.err = callBytes(permit, c.fn, c.payload, c.extra)
}

func queuedCall(ctx context.Context, fn cpython.Ref, payload []byte, extra cpython.Ref) (cpython.Outcome, error) {
	c := calls.Get().(*bytesCall)
	*c = bytesCall{fn: fn, payload: payload, extra: extra}
	defer func() {
		*c = bytesCall{}
		calls.Put(c)
	}()
	start := now()
	if err := gate.Process.Do(ctx, label(ctx), c); err != nil {
		return cpython.Outcome{}, err
	}
	queued.add(c.began - start)
	return c.out, c.err
}
