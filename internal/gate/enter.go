package gate

import (
	"context"
	"errors"
	"fmt"
)

// Enter waits for a permit. The label says in reports what the caller does inside. The error wraps that of ctx where ctx
// ended first, or is a refusal. A goroutine that holds a permit must not call Enter: it would wait for itself.
func (g *Gate) Enter(ctx context.Context, label string) (*Permit, error) {
	return g.EnterAgain(ctx, label, nil)
}

// EnterAgain is [Gate.Enter] for a caller that may have been suspended on this very OS thread. Where onThread says so and
// there is no thread for a newcomer, the caller comes in at once: it needs no further thread, and those that have one may
// wait for it. onThread is called with the gate's lock held, and only there; it is nil for a caller that has not been
// out.
func (g *Gate) EnterAgain(ctx context.Context, label string, onThread func() bool) (*Permit, error) {
	if ctx.Err() != nil {
		return nil, WaitError(ctx)
	}
	g.mu.Lock()
	if g.state != Running {
		defer g.mu.Unlock()
		return nil, g.refusal()
	}
	if g.vacant() || onThread != nil && !g.threadFor(g.out()+1) && onThread() {
		p := g.grant(label, nil)
		g.mu.Unlock()
		return p, nil
	}
	if err := g.exhausted(); err != nil {
		g.mu.Unlock()
		return nil, err
	}
	w := g.enqueue(&g.queue, label, nil)
	g.mu.Unlock()
	return g.wait(ctx, w)
}

// TryEnter is [Gate.Enter] for a caller that does not wait: ok is false where it would have to, or may have to.
func (g *Gate) TryEnter(label string) (p *Permit, ok bool, err error) {
	if g.returning.Load() > 0 {
		return nil, false, nil // without the lock, which the callers that do wait need
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != Running {
		return nil, false, g.refusal()
	}
	if !g.vacant() {
		return nil, false, nil
	}
	return g.grant(label, nil), true, nil
}

// enqueue puts a caller into a list. The caller must hold mu.
func (g *Gate) enqueue(l *placeList, label string, resumes *Permit) *waiter {
	w := g.newWaiter(label, resumes)
	l.push(&w.place)
	g.noteWait()
	return w
}

// noteWait counts an entry that has to wait, and keeps the clock going for it. The caller must hold mu.
func (g *Gate) noteWait() {
	g.waits.Add(1)
	g.startTicking()
}

// wait waits for w's permit, until ctx ends.
func (g *Gate) wait(ctx context.Context, w *waiter) (*Permit, error) {
	select {
	case <-w.ready:
		return w.result()
	case <-ctx.Done():
	}
	g.mu.Lock()
	if g.queue.remove(&w.place) {
		g.mu.Unlock()
		w.put()
		return nil, WaitError(ctx)
	}
	g.mu.Unlock()
	// Granted or refused at the same moment: a permit goes to the next in line.
	<-w.ready
	if p, err := w.result(); err == nil {
		p.Leave()
	}
	return nil, WaitError(ctx)
}

// WaitError is the error of a caller whose context ended while it waited.
func WaitError(ctx context.Context) error {
	return fmt.Errorf("waiting to enter python: %w", Ended(ctx))
}

// Ended is why ctx ended: its cause, which is its error too for errors.Is.
func Ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w (%w)", cause, err)
}
