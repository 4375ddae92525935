package agent

import (
	"context"
	"sync"

	agentpb "github.com/pyrpc/pyrpc/agent/proto"
)

// life knows whether the agent is open, and what it has to do: calls it made that have no outcome, and
// requests that it executes. The talk of joining workers does not count: it is what waits for the rest.
type life struct {
	mu      sync.Mutex
	closed  bool
	active  int
	started uint64        // calls made so far
	served  uint64        // requests served so far
	idle    chan struct{} // closed when active falls to 0; nil when nobody waits
}

// enter begins a call.
func (l *life) enter(m agentpb.Method) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed()
	}
	if m != agentpb.Method_METHOD_QUIESCE {
		l.active++
		l.started++
	}
	return nil
}

// serve begins an execution.
func (l *life) serve() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed()
	}
	l.active++
	l.served++
	return nil
}

// leave ends what enter began.
func (l *life) leave(m agentpb.Method) {
	if m != agentpb.Method_METHOD_QUIESCE {
		l.done()
	}
}

// done ends what serve began.
func (l *life) done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active--
	if l.active == 0 && l.idle != nil {
		close(l.idle)
		l.idle = nil
	}
}

// close refuses whatever comes from now on, and returns false if that was so already.
func (l *life) close() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.closed
	l.closed = true
	return !was
}

// wait waits until there is nothing to do, and returns what had been done by then.
func (l *life) wait(ctx context.Context) (started, served uint64, err error) {
	for {
		l.mu.Lock()
		if l.active == 0 {
			defer l.mu.Unlock()
			return l.started, l.served, nil
		}
		if l.idle == nil {
			l.idle = make(chan struct{})
		}
		idle := l.idle
		l.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		}
	}
}

func (l *life) load() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.active
}
