package pyworker

import (
	"context"
	"sync"

	"github.com/pyrpc/pyrpc/pybridge"
)

// events are what Python waits for that Python brings about: see _Event of pyrpc/_future.py. They are
// Go's so that the permit of a call that waits goes back, and its interruption ends the wait.
type events struct {
	mu sync.Mutex
	// guarded by mu
	known map[int64]chan struct{}
	last  int64
}

func (w *Worker) hostEvent(context.Context, arguments) (any, error) {
	e := &w.events
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last++
	e.known[e.last] = make(chan struct{})
	return e.last, nil
}

func (w *Worker) hostSet(_ context.Context, a arguments) (any, error) {
	n, err := argument[int64](a, 0)
	if err != nil {
		return nil, err
	}
	e := &w.events
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.known[n]; c != nil { // else nobody waits any more
		select {
		case <-c:
		default:
			close(c)
		}
	}
	return nil, nil
}

// hostWait waits for an event once, and forgets it.
func (w *Worker) hostWait(ctx context.Context, a arguments) (any, error) {
	n, err := argument[int64](a, 0)
	if err != nil {
		return nil, err
	}
	seconds, err := secondsOf(a, 1)
	if err != nil {
		return nil, err
	}
	e := &w.events
	e.mu.Lock()
	c := e.known[n]
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.known, n)
	}()
	ctx, cancel := within(ctx, seconds)
	defer cancel()
	set := false
	err = w.wait(func() error {
		select {
		case <-c:
			set = true
		case <-ctx.Done():
			if w.ctx.Err() != nil {
				return pybridge.RuntimeError
			}
		}
		return nil
	})
	return set, err
}
