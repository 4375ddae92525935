package membership

import (
	"context"
	"sync"
)

// Activity counts what a worker has to do: calls that it made and that have no outcome, and requests that it executes. What
// belongs to the barrier of a join is counted apart, as the barrier waits for the rest. The zero value is ready for use;
// its methods may be called from any goroutine.
type Activity struct {
	mu       sync.Mutex
	closed   error         // guarded by mu, like the rest; why nothing can begin any more
	active   int           // calls and requests, but for the barrier's
	barriers int           // calls and requests of the barrier
	started  uint64        // calls made so far
	served   uint64        // requests served so far
	change   chan struct{} // closed when active or barriers falls to 0; nil while no goroutine waits
}

// Call begins a call, or returns the error of [Activity.Close]. Done ends the call.
func (a *Activity) Call(barrier bool) error { return a.begin(&a.started, barrier) }

// Serve begins an execution, or returns the error of [Activity.Close]. Done ends the execution.
func (a *Activity) Serve(barrier bool) error { return a.begin(&a.served, barrier) }

func (a *Activity) begin(count *uint64, barrier bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed != nil {
		return a.closed
	}
	if !barrier {
		*count++
	}
	a.addLocked(barrier, 1)
	return nil
}

// Done ends what Call or Serve began.
func (a *Activity) Done(barrier bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.addLocked(barrier, -1)
}

func (a *Activity) addLocked(barrier bool, n int) {
	count := &a.active
	if barrier {
		count = &a.barriers
	}
	*count += n
	if *count == 0 && a.change != nil {
		close(a.change)
		a.change = nil
	}
}

// Close refuses calls and requests from now on, with err.
func (a *Activity) Close(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = err
}

// WaitIdle waits until there is nothing to do but the barrier, and returns what had been done by then.
func (a *Activity) WaitIdle(ctx context.Context) (started, served uint64, err error) {
	return a.wait(ctx, func() bool { return a.active == 0 })
}

// WaitEmpty waits until there is nothing to do, the barrier included.
func (a *Activity) WaitEmpty(ctx context.Context) error {
	_, _, err := a.wait(ctx, func() bool { return a.active+a.barriers == 0 })
	return err
}

func (a *Activity) wait(ctx context.Context, idle func() bool) (started, served uint64, err error) {
	for {
		a.mu.Lock()
		if idle() {
			defer a.mu.Unlock()
			return a.started, a.served, nil
		}
		if a.change == nil {
			a.change = make(chan struct{})
		}
		change := a.change
		a.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		}
	}
}

// Load is how many calls and requests there are, but for the barrier's.
func (a *Activity) Load() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.active
}
