package handler

import "sync"

// inflight counts the calls in progress, so that a cleanup can wait for them and refuse later ones.
type inflight struct {
	mu sync.Mutex
	// guarded by mu
	n      int
	closed bool
	idle   chan struct{} // closed when closed and n is 0
}

func (c *inflight) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.n++
	return nil
}

func (c *inflight) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n--
	if c.closed && c.n == 0 {
		close(c.idle)
	}
}

// close refuses later calls and gives a channel that is closed when the last one has left.
func (c *inflight) close() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		c.idle = make(chan struct{})
		if c.n == 0 {
			close(c.idle)
		}
	}
	return c.idle
}
