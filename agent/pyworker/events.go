package pyworker

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// events are the events that Python threads set for each other, by number: see _Event of gopyrpc/_rpc/future.py. They are
// in Go so that a call that waits gives its permit back, and so that an interruption ends the wait. Each event is set
// once and waited for once, in either order.
type events struct {
	mu sync.Mutex
	// guarded by mu
	known map[int64]chan struct{} // closed when set
}

// find returns the event of that number, and makes it if there is none.
func (e *events) find(n int64) chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.known[n]
	if c == nil {
		c = make(chan struct{})
		e.known[n] = c
	}
	return c
}

func (e *events) forget(n int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.known, n)
}

func (w *Worker) hostSet(_ context.Context, a arguments) (any, error) {
	n, err := argument[int64](a, 0)
	if err == nil {
		close(w.events.find(n))
	}
	return nil, err
}

// hostWait takes (number, seconds, ticket), and waits for an event. The ticket is that of the asynchronous call whose
// outcome sets the event, or 0. Python calls it with the GIL held; it gives the GIL up to wait.
func (w *Worker) hostWait(ctx context.Context, a arguments) (any, error) {
	n, err1 := argument[int64](a, 0)
	seconds, err2 := secondsOf(a, 1)
	ticket, err3 := argument[int64](a, 2)
	t, err4 := gil.Assume(ctx)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	if seconds > 0 {
		var cancel context.CancelFunc
		ctx, cancel = within(ctx, seconds)
		defer cancel()
	}
	set, err := w.waitHeeding(ctx, t, w.events.find(n), ticket)
	if set {
		w.events.forget(n)
	}
	return set, err
}

// waitHeeding is waitFor, which looks for signals meanwhile where it waits on the main thread of Python's own process.
func (w *Worker) waitHeeding(ctx context.Context, t gil.Token, event <-chan struct{}, ticket int64) (set bool, err error) {
	if !w.rt.OnHostsMainThread() {
		return w.waitFor(ctx, t, event, ticket)
	}
	for {
		slice, cancel := context.WithTimeout(ctx, heedPeriod)
		set, err = w.waitFor(slice, t, event, ticket)
		cancel()
		if set || err != nil || ctx.Err() != nil {
			return set, err
		}
		if err := w.rt.CheckSignals(t); err != nil {
			return false, err
		}
	}
}

// waitFor waits for an event, or for the end of ctx, and says whether the event was set.
func (w *Worker) waitFor(ctx context.Context, t gil.Token, event <-chan struct{}, ticket int64) (set bool, err error) {
	if ticket != 0 {
		if err := w.deliverOutcome(ctx, t, ticket); err != nil {
			return false, err
		}
	}
	return w.await(ctx, t, event)
}

// deliverOutcome waits for the outcome of an asynchronous call, and delivers it to Python with all others that have come.
func (w *Worker) deliverOutcome(ctx context.Context, t gil.Token, ticket int64) (err error) {
	var d *delivery
	err = w.waitDetached(t, func() error {
		if batch := w.completions.await(ctx, ticket); len(batch) > 0 {
			d = w.deliveryOf(batch)
		}
		return nil
	})
	switch {
	case d == nil:
	case ctx.Err() != nil: // an interruption may be due, which would end the delivery
		go d.run()
	default:
		defer d.end()
		err = errors.Join(err, d.deliver(t))
	}
	return err
}

// waitDetached is wait for a caller that holds the GIL. The GIL is given up meanwhile.
func (w *Worker) waitDetached(t gil.Token, f func() error) (err error) {
	failed := gil.Detach(t, func() { err = w.wait(f) })
	return errors.Join(err, failed)
}

// await waits for an event, or for the end of ctx, and says whether the event was set.
func (w *Worker) await(ctx context.Context, t gil.Token, event <-chan struct{}) (set bool, err error) {
	select {
	case <-event:
		return true, nil
	default:
	}
	err = w.waitDetached(t, func() error {
		select {
		case <-event:
			set = true
		case <-ctx.Done():
			if w.ctx.Err() != nil {
				return fmt.Errorf("%w: the agent has been shut down", pybridge.RuntimeError)
			}
		}
		return nil
	})
	return set, err
}
