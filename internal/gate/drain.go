package gate

import (
	"context"
	"fmt"
)

// refuseAll refuses every newcomer that waits, in the queue or behind a holder. The caller must hold mu.
func (g *Gate) refuseAll() {
	g.refuseQueue(ErrClosed)
	for p := g.inside.first; p != nil; p = p.next {
		p.yield()
	}
}

// refuseQueue gives err to the newcomers that wait in the queue. The caller must hold mu.
func (g *Gate) refuseQueue(err error) {
	for e := g.queue.pop(); e != nil; e = g.queue.pop() {
		e.Refuse(Locked{g}, err)
	}
}

// Drain stops admission, refuses the callers that wait, and waits until nobody is inside. Where ctx ends
// first, the error is a *DrainError. Later calls wait again.
func (g *Gate) Drain(ctx context.Context) error {
	g.mu.Lock()
	if g.state == Running {
		g.state = Draining
		g.drained = make(chan struct{})
		g.refuseAll()
		g.signalDrained()
	}
	if g.state == Draining {
		g.startTicking()
	}
	drained := g.drained
	g.mu.Unlock()
	if drained == nil {
		return nil
	}
	select {
	case <-drained:
		return nil
	default:
	}
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		return &DrainError{Inside: g.Inside(), Cause: Ended(ctx)}
	}
}

// signalDrained ends Draining once nobody is inside. The caller must hold mu.
func (g *Gate) signalDrained() {
	if g.state == Draining && g.out() == 0 {
		close(g.drained)
		g.state = Closed
	}
}

// Close moves any state but Failed to Closed, though holders be inside, and refuses the callers that wait.
func (g *Gate) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == Draining {
		close(g.drained)
	}
	if g.state != Failed {
		g.state = Closed
	}
	g.refuseAll()
}

// DrainError says that the context of a Drain ended, and which holders were still inside then.
type DrainError struct {
	Inside []string // labels, oldest first
	Cause  error
}

func (e *DrainError) Error() string {
	return fmt.Sprintf("python calls still running: %d %q: %v", len(e.Inside), e.Inside, e.Cause)
}

func (e *DrainError) Unwrap() error { return e.Cause }
