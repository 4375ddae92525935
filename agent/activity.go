package agent

import (
	"context"
	"sync"
)

// activity knows whether the agent is open, and what it has to do: calls it made that have no outcome, and requests that
// it executes. The barrier of a join is counted apart: it waits for the rest.
type activity struct {
	mu       sync.Mutex
	closed   bool          // guarded by mu, like the rest
	active   int           // calls and requests, but for the barrier's
	barriers int           // calls and requests of the barrier
	started  uint64        // calls made so far
	served   uint64        // requests served so far
	change   chan struct{} // closed when active or barriers falls to 0; nil while no goroutine waits
}

// call begins a call. Done ends it.
func (l *activity) call(barrier bool) error { return l.begin(&l.started, barrier) }

// serve begins an execution. Done ends it.
func (l *activity) serve(barrier bool) error { return l.begin(&l.served, barrier) }

func (l *activity) begin(count *uint64, barrier bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed()
	}
	if !barrier {
		*count++
	}
	l.addLocked(barrier, 1)
	return nil
}

// done ends what call or serve began.
func (l *activity) done(barrier bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addLocked(barrier, -1)
}

// addLocked changes a count. The caller must hold mu.
func (l *activity) addLocked(barrier bool, n int) {
	count := &l.active
	if barrier {
		count = &l.barriers
	}
	*count += n
	if *count == 0 && l.change != nil {
		close(l.change)
		l.change = nil
	}
}

// close refuses calls and requests from now on.
func (l *activity) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

// waitIdle waits until there is nothing to do but the barrier, and returns what had been done by then.
func (l *activity) waitIdle(ctx context.Context) (started, served uint64, err error) {
	return l.wait(ctx, func() bool { return l.active == 0 })
}

// waitEmpty waits until there is nothing to do, the barrier included.
func (l *activity) waitEmpty(ctx context.Context) error {
	_, _, err := l.wait(ctx, func() bool { return l.active+l.barriers == 0 })
	return err
}

func (l *activity) wait(ctx context.Context, idle func() bool) (started, served uint64, err error) {
	for {
		l.mu.Lock()
		if idle() {
			defer l.mu.Unlock()
			return l.started, l.served, nil
		}
		if l.change == nil {
			l.change = make(chan struct{})
		}
		change := l.change
		l.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		}
	}
}

// load is how many calls and requests there are, but for the barrier's.
func (l *activity) load() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.active
}
