package agent

import (
	"context"
	"sync"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// life knows whether the agent is open, and what it has to do: calls it made that have no outcome, and
// requests that it executes. The talk of joining workers is counted apart: it is what waits for the rest.
type life struct {
	mu      sync.Mutex
	closed  bool
	active  int
	talks   int
	started uint64        // calls made so far
	served  uint64        // requests served so far
	change  chan struct{} // closed when one of the counts falls to 0; nil when nobody waits
}

func talk(m agentpb.Method) bool { return m == agentpb.Method_METHOD_QUIESCE }

// enter begins a call.
func (l *life) enter(m agentpb.Method) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed()
	}
	if !talk(m) {
		l.started++
	}
	l.add(m, 1)
	return nil
}

// serve begins an execution.
func (l *life) serve(m agentpb.Method) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed()
	}
	if !talk(m) {
		l.served++
	}
	l.add(m, 1)
	return nil
}

// leave ends what enter or serve began.
func (l *life) leave(m agentpb.Method) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(m, -1)
}

// add changes a count. Called with mu held.
func (l *life) add(m agentpb.Method, n int) {
	count := &l.active
	if talk(m) {
		count = &l.talks
	}
	*count += n
	if *count == 0 && l.change != nil {
		close(l.change)
		l.change = nil
	}
}

// close refuses whatever comes from now on.
func (l *life) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

// quiet waits until there is nothing to do, and returns what had been done by then.
func (l *life) quiet(ctx context.Context) (started, served uint64, err error) {
	return l.wait(ctx, func() bool { return l.active == 0 })
}

// empty is quiet, and nobody talks either.
func (l *life) empty(ctx context.Context) error {
	_, _, err := l.wait(ctx, func() bool { return l.active+l.talks == 0 })
	return err
}

func (l *life) wait(ctx context.Context, over func() bool) (started, served uint64, err error) {
	for {
		l.mu.Lock()
		if over() {
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

// load returns how much there is to do.
func (l *life) load() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.active
}
