package gil

import (
	"context"
	"sync"

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
	c := calls.Get().(*bytesCall)
	defer c.recycle()
	c.fn, c.payload, c.extra = fn, payload, extra
	if err := c.perform(ctx); err != nil {
		return cpython.Outcome{}, err
	}
	if c.err != nil {
		return c.out, refusal(c.err)
	}
	waits.add(c.out.Wait)
	holds.add(c.out.Hold)
	return c.out, nil
}

// bytesCall is one call on its way: a gate.Job.
type bytesCall struct {
	fn, extra cpython.Ref
	payload   []byte
	out       cpython.Outcome
	err       error
}

var calls = sync.Pool{New: func() any { return new(bytesCall) }}

func (c *bytesCall) recycle() {
	*c = bytesCall{}
	calls.Put(c)
}

// Run makes the call under a permit, after what others have left to be dropped.
func (c *bytesCall) Run(permit *gate.Permit) {
	if cpython.Pending() > 0 {
		dropPending(permit.ID())
	}
	c.out, c.err = cpython.CallBytes(permit.ID(), c.fn, c.payload, c.extra)
}

// perform runs the call when there is room, or waits in the gate, unless the caller holds the GIL that
// those before it may be waiting for.
func (c *bytesCall) perform(ctx context.Context) error {
	if ctx.Err() == nil {
		permit, ok, err := gate.Process.TryEnter(label(ctx))
		if err != nil {
			return err
		}
		if ok {
			defer permit.Leave()
			c.Run(permit)
			return nil
		}
	}
	if cpython.Held() {
		return ErrHeld
	}
	start := now()
	err := gate.Process.Do(ctx, label(ctx), c)
	queued.add(now() - start - c.out.Wait - c.out.Hold)
	return err
}

func refusal(err error) error {
	if err == cpython.ErrClosed {
		return ErrClosed
	}
	return err
}
