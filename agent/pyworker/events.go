package pyworker

import (
	"context"
	"fmt"
	"sync"

	"github.com/pyrpc/pyrpc/pybridge"
)

// events are what Python waits for that Python brings about, by the number that it gave them: see _Event of
// pyrpc/_future.py. They are Go's so that the permit of a call that waits goes back, and its interruption
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

func (w *Worker) hostWait(ctx context.Context, a arguments) (any, error) {
	n, err := argument[int64](a, 0)
	if err != nil {
		return nil, err
	}
	seconds, err := secondsOf(a, 1)
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx, seconds)
	defer cancel()
	c := w.events.find(n)
	set := false
	err = w.wait(func() error {
		select {
		case <-c:
			set = true
		case <-ctx.Done():
			if w.ctx.Err() != nil {
				return fmt.Errorf("%w: the agent has been shut down", pybridge.RuntimeError)
			}
		}
		return nil
	})
	if set {
		w.events.forget(n)
	}
	return set, err
}
