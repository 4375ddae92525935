package gil

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// bytesCall is a call that waits in the gate, or whose caller may leave: a gate.Job. Where many wait its memory
// is in another processor's cache, so there is little of it.
type bytesCall struct {
	fn, extra cpython.Ref
	payload   []byte
	stays     bool          // its caller waits for it, whatever becomes of the context
	entered   func()        // see [StayTold]; nil for most
	interrupt *interruption // nil when its context cannot end
	began     time.Duration
	out       Outcome
	err       error
}

var calls = sync.Pool{New: func() any { return new(bytesCall) }}

// Run makes the call.
func (c *bytesCall) Run(permit *gate.Permit) {
	c.began = now()
	if c.entered != nil {
		c.entered()
	}
	c.settle(callBytes(permit, c.fn, c.payload, c.extra, c.target()))
}

func (c *bytesCall) target() *cpython.Target {
	if c.interrupt == nil {
		return nil
	}
	return &c.interrupt.target
}

// settle keeps what came of the call.
func (c *bytesCall) settle(out Outcome, err error) {
	if c.interrupt != nil {
		c.interrupt.end()
	}
	c.out, c.err = out, err
}

// Interrupt hands the call to the watchdog.
func (c *bytesCall) Interrupt() <-chan time.Time {
	c.interrupt.stop()
	if c.stays {
		return nil
	}
	return time.After(Patience)
}

// Drop gives the outcome up.
func (c *bytesCall) Drop() { c.out.Drop() }

// carriedCall has the call made by one of the gate's carriers, and waits for it.
func carriedCall(ctx context.Context, s *stay, fn cpython.Ref, payload []byte, extra cpython.Ref, out *Outcome) error {
	c := calls.Get().(*bytesCall)
	c.fn, c.payload, c.extra, c.entered = fn, payload, extra, s.told()
	name := label(ctx)
	if ctx.Done() != nil {
		c.stays, c.interrupt = s != nil, newInterruption(name)
	}
	start := now()
	err := gate.Process.Do(ctx, name, c)
	if c.interrupt != nil {
		if err, over := c.interrupted(ctx, err, out); over {
			return err
		}
	}
	if err == nil {
		queued.add(c.began - start)
		*out, err = c.out, c.err
	}
	c.recycle()
	return err
}

// interrupted is for a call whose context can end. Where it has, the call is not to be used again: the watchdog
// may still look at it, and a carrier still run it.
func (c *bytesCall) interrupted(ctx context.Context, err error, out *Outcome) (_ error, over bool) {
	i := c.interrupt
	switch {
	case errors.Is(err, gate.ErrLeft):
		*out = Outcome{PayloadHeld: true}
		return i.error(ctx, true), true
	case err != nil:
		i.end() // it did not begin, and never will
		return err, true
	case c.err == cpython.ErrInterrupted:
		*out = c.out
		return i.error(ctx, false), true
	case ctx.Err() != nil:
		*out = c.out
		return c.err, true
	}
	i.recycle()
	return nil, false
}

func (c *bytesCall) recycle() {
	*c = bytesCall{}
	calls.Put(c)
}
