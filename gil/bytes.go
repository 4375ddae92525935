package gil

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pyrpc/pyrpc/internal/cpython"
	"github.com/pyrpc/pyrpc/internal/gate"
)

// CallBytes calls fn(payload) or fn(payload, extra) in one crossing: permit, attach, call, detach.
// It is the road of every served request; its callers are the handler's, through package pybridge.
// When ctx ends meanwhile the call is interrupted; one that does not react is left to itself, and what
// comes of it is dropped. The payload must not be changed then: Python may still read it.
//
// GIL: acquires; must not be held
// Thread: any; the goroutine is not locked to it
// Ref: borrows fn and extra; what the outcome carries is owned by the caller
// Blocks: ctx, then the GIL, then user code; with a ctx that can end, no longer than that and Patience
//
// Errors: those of [Acquire], ErrHeld, ErrNoCallable, and an *InterruptedError.
func CallBytes(ctx context.Context, fn cpython.Ref, payload []byte, extra cpython.Ref) (cpython.Outcome, error) {
	AssertNotHeld()
	endless := ctx.Done() == nil
	if endless || (ctx.Err() == nil && stays(ctx)) {
		permit, ok, err := gate.Process.TryEnter(label(ctx))
		if err != nil {
			return cpython.Outcome{}, err
		}
		if ok {
			defer permit.Leave()
			if endless {
				return callBytes(permit, fn, payload, extra, nil)
			}
			return stayingCall(ctx, permit, fn, payload, extra)
		}
	}
	// Those before the caller may be waiting for the very GIL that it holds.
	if cpython.Held() {
		return cpython.Outcome{}, ErrHeld
	}
	return carriedCall(ctx, fn, payload, extra)
}

// callBytes makes the call under a permit, after what others have left to be dropped.
func callBytes(permit *gate.Permit, fn cpython.Ref, payload []byte, extra cpython.Ref, target *cpython.Target) (cpython.Outcome, error) {
	if fn == nil {
		return cpython.Outcome{}, ErrNoCallable
	}
	if cpython.Pending() > 0 {
		dropPending(permit.ID())
	}
	out, err := cpython.CallBytes(permit.ID(), fn, payload, extra, target)
	if err == cpython.ErrClosed {
		return out, ErrClosed
	}
	if out.Times > 0 {
		waits.addTimes(out.Wait, out.Times)
		holds.addTimes(out.Hold, out.Times)
	}
	return out, err
}

// bytesCall is a call that waits in the gate, or whose caller may leave: a gate.Job.
type bytesCall struct {
	fn, extra cpython.Ref
	payload   []byte
	ends      bool // its context can end
	stays     bool // its caller waits for it all the same
	began     time.Duration
	out       cpython.Outcome
	err       error
	over      atomic.Bool // what came of it belongs to whoever set it: the call, or a caller that leaves
	interruption
}

var calls = sync.Pool{New: func() any { return new(bytesCall) }}

// Run makes the call.
func (c *bytesCall) Run(permit *gate.Permit) {
	c.began = now()
	var target *cpython.Target
	if c.ends {
		target = &c.target
	}
	out, err := callBytes(permit, c.fn, c.payload, c.extra, target)
	c.interruption.end()
	c.out, c.err = out, err
	if !c.over.CompareAndSwap(false, true) {
		c.out.Drop()
	}
}

// Interrupt hands the call to the watchdog.
func (c *bytesCall) Interrupt() <-chan time.Time {
	c.target.Stop()
	watchdog.watch(&c.interruption)
	if c.stays {
		return nil
	}
	return time.After(Patience)
}

// Leave gives the outcome up.
func (c *bytesCall) Leave() bool { return c.over.CompareAndSwap(false, true) }

func carriedCall(ctx context.Context, fn cpython.Ref, payload []byte, extra cpython.Ref) (cpython.Outcome, error) {
	c := calls.Get().(*bytesCall)
	c.fn, c.payload, c.extra, c.label = fn, payload, extra, label(ctx)
	c.ends, c.stays = ctx.Done() != nil, stays(ctx)
	start := now()
	err := gate.Process.Do(ctx, c.label, c)
	if errors.Is(err, gate.ErrLeft) {
		return cpython.Outcome{PayloadHeld: true}, c.interruption.error(ctx, true) // the call is the carrier's now
	}
	out, called, began := c.out, c.err, c.began
	switch {
	case called == cpython.ErrInterrupted:
		// and the watchdog may still look at it
		return cpython.Outcome{PayloadHeld: out.PayloadHeld}, c.interruption.error(ctx, false)
	case ctx.Err() == nil:
		*c = bytesCall{}
		calls.Put(c)
	}
	if err != nil {
		return cpython.Outcome{}, err
	}
	queued.add(began - start)
	return out, called
}

// stayingCall makes the call on the caller's goroutine, which saves handing it to another.
func stayingCall(ctx context.Context, permit *gate.Permit, fn cpython.Ref, payload []byte, extra cpython.Ref) (cpython.Outcome, error) {
	c := calls.Get().(*bytesCall)
	c.label = label(ctx)
	stop := context.AfterFunc(ctx, func() {
		c.target.Stop()
		watchdog.watch(&c.interruption)
	})
	out, err := callBytes(permit, fn, payload, extra, &c.target)
	c.interruption.end()
	if err == cpython.ErrInterrupted {
		return out, c.interruption.error(ctx, false)
	}
	if stop() { // else the watchdog may still look at it
		*c = bytesCall{}
		calls.Put(c)
	}
	return out, err
}
