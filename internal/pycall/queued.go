package pycall

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/callcontext"
	"github.com/gopyrpc/gopyrpc/internal/calltimes"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/batch"
	"github.com/gopyrpc/gopyrpc/internal/interrupt"
)

// queuedCall is a call that waits in the gate, or whose caller may leave: a batch.Job. Where many calls wait, its memory
// is in another processor's cache, so there is little of it.
type queuedCall struct {
	fn, extra cpython.Ref
	payload   []byte
	waits     bool            // its caller waits for its completion, whatever becomes of the context
	entered   func()          // see callcontext.WaitForCompletion; nil for most
	interrupt *interrupt.Call // nil when its context cannot end
	began     time.Duration
	out       cpython.Outcome
	err       error
}

var (
	jobs  = batch.New(&gate.Process)
	calls = sync.Pool{New: func() any { return new(queuedCall) }}
)

// Run makes the call.
func (c *queuedCall) Run(permit *gate.Permit) {
	c.began = calltimes.Now()
	if c.entered != nil {
		c.entered()
	}
	c.settle(call(permit, c.fn, c.payload, c.extra, c.target()))
}

func (c *queuedCall) target() *cpython.Target {
	if c.interrupt == nil {
		return nil
	}
	return c.interrupt.Target()
}

// settle keeps what came of the call.
func (c *queuedCall) settle(out cpython.Outcome, err error) {
	if c.interrupt != nil {
		c.interrupt.End()
	}
	c.out, c.err = out, err
}

// Interrupt hands the call to the watchdog.
func (c *queuedCall) Interrupt() <-chan time.Time {
	c.interrupt.Stop()
	if c.waits {
		return nil
	}
	return time.After(interrupt.Patience)
}

// Drop gives the outcome up.
func (c *queuedCall) Drop() { c.out.Drop() }

// queue has the call made by a dispatcher, and waits for it.
func queue(ctx context.Context, completion *callcontext.Completion, fn cpython.Ref, payload []byte, extra cpython.Ref, out *cpython.Outcome) error {
	c := calls.Get().(*queuedCall)
	c.fn, c.payload, c.extra, c.entered = fn, payload, extra, completion.Entered()
	label := callcontext.Label(ctx)
	if ctx.Done() != nil {
		c.waits, c.interrupt = completion != nil, interrupt.NewCall(label)
	}
	start := calltimes.Now()
	err := jobs.Do(ctx, label, c)
	if c.interrupt != nil {
		if err, done := c.interrupted(ctx, err, out); done {
			return err
		}
	}
	if err == nil {
		calltimes.Queued.Add(c.began - start)
		*out, err = c.out, c.err
	}
	c.put()
	return err
}

// interrupted is for a call whose context can end. Where the context has ended, the call is not put back into its pool: the
// watchdog may still look at it, and a dispatcher may still run it.
func (c *queuedCall) interrupted(ctx context.Context, err error, out *cpython.Outcome) (_ error, done bool) {
	i := c.interrupt
	switch {
	case errors.Is(err, batch.ErrLeft):
		*out = cpython.Outcome{PayloadHeld: true}
		return (*gil.InterruptedError)(i.Interrupted(ctx, true)), true
	case err != nil:
		i.End() // it did not begin, and never will
		return err, true
	case c.err == cpython.ErrInterrupted:
		*out = c.out
		return (*gil.InterruptedError)(i.Interrupted(ctx, false)), true
	case ctx.Err() != nil:
		*out = c.out
		return c.err, true
	}
	i.Put()
	return nil, false
}

func (c *queuedCall) put() {
	*c = queuedCall{}
	calls.Put(c)
}
