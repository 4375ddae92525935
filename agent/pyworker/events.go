package pyworker

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// events are the events that Python threads set for each other, by number: see gopyrpc/_rpc/event.py. They are
// in Go so that a call that waits gives its permit back, and so that an interruption ends the wait. Each event is set
// once and waited for once, in either order.
type events struct {
	mu sync.Mutex
	// guarded by mu
	known map[int64]*event
}

// event is one event.
type event struct {
	set chan struct{} // closed when it is set

	// guarded by events.mu
	stop context.CancelFunc // ends what goes on until it is set; nil for nothing
}

// find returns the event of that number, and makes it if there is none.
func (e *events) find(n int64) *event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.findLocked(n)
}

func (e *events) findLocked(n int64) *event {
	found := e.known[n]
	if found == nil {
		found = &event{set: make(chan struct{})}
		e.known[n] = found
	}
	return found
}

// set sets the event of that number.
func (e *events) set(n int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	found := e.findLocked(n)
	close(found.set)
	if found.stop != nil {
		found.stop()
	}
}

// untilSet returns a context that ends when the event is set, which one such context may be for.
func (e *events) untilSet(ctx context.Context, of *event) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case <-of.set:
		cancel()
	default:
		of.stop = cancel
	}
	return ctx, cancel
}

func (e *events) forget(n int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.known, n)
}

func (w *Worker) hostSet(_ context.Context, a arguments) (any, error) {
	n, err := argument[int64](a, 0)
	if err == nil {
		w.events.set(n)
	}
	return nil, err
}

// hostWait takes (number, seconds, ticket, early), and waits for an event. The ticket is that of the asynchronous call whose
// outcome sets the event, or 0. If early, which may be missing, is true, something else may set the event before. Python
// calls it with the GIL held; it gives the GIL up to wait.
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
	early, _ := a.at(3).(bool)
	set, err := w.waitHeeding(ctx, t, awaited{w.events.find(n), ticket, early})
	if set {
		w.events.forget(n)
	}
	return set, err
}

// awaited is an event that is waited for: see hostWait.
type awaited struct {
	event  *event
	ticket int64
	early  bool
}

// waitHeeding is waitFor, which looks for signals meanwhile where it waits on the main thread of Python's own process.
func (w *Worker) waitHeeding(ctx context.Context, t gil.Token, a awaited) (set bool, err error) {
	if !w.rt.OnHostsMainThread() {
		return w.waitFor(ctx, t, a)
	}
	for {
		slice, cancel := context.WithTimeout(ctx, heedPeriod)
		set, err = w.waitFor(slice, t, a)
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
func (w *Worker) waitFor(ctx context.Context, t gil.Token, a awaited) (set bool, err error) {
	if a.ticket != 0 {
		outcome := ctx
		if a.early {
			var stop context.CancelFunc
			outcome, stop = w.events.untilSet(ctx, a.event)
			defer stop()
		}
		if err := w.deliverOutcome(outcome, t, a.ticket); err != nil {
			return false, err
		}
	}
	return w.await(ctx, t, a.event.set)
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
