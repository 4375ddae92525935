package pyworker

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// events are what Python waits for that Python brings about, by the number that it gave them: see _Event of
// gopyrpc/_rpc/future.py. They are Go's so that the permit of a call that waits goes back, and its interruption
// ends the wait. Each is set once and waited for once, in either order.
type events struct {
	mu sync.Mutex
	// guarded by mu
	known map[int64]chan struct{} // closed when set
}

// find gives an event, and makes it if this is the first to ask.
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

// hostWait is (number, seconds, ticket): where what is waited for is the outcome of an asynchronous call, its ticket,
// else 0. It is called with the GIL, and gives it up to wait.
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
	event := w.events.find(n)
	if ticket != 0 {
		if err := w.bring(ctx, t, ticket); err != nil {
			return nil, err
		}
	}
	set, err := w.await(ctx, t, event)
	if set {
		w.events.forget(n)
	}
	return set, err
}

// bring waits for the outcome of an asynchronous call, and brings it to Python with whatever else has come.
func (w *Worker) bring(ctx context.Context, t gil.Token, ticket int64) (err error) {
	var s *settlement
	err = w.waitDetached(t, func() error {
		if batch := w.completions.await(ctx, ticket); len(batch) > 0 {
			s = w.settlementOf(batch)
		}
		return nil
	})
	switch {
	case s == nil:
	case ctx.Err() != nil: // an interruption may be due, which would end the delivery
		go s.bring()
	default:
		defer s.end()
		err = errors.Join(err, s.deliver(t))
	}
	return err
}

// waitDetached is wait for who holds the GIL, and gives it up meanwhile.
func (w *Worker) waitDetached(t gil.Token, f func() error) (err error) {
	failed := gil.Detach(t, func() { err = w.wait(f) })
	return errors.Join(err, failed)
}

// await waits for an event.
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
