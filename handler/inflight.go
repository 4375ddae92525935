package handler

import "sync"

// inflight counts the calls in progress, so that a cleanup can wait for them and refuse later ones.
type inflight struct {
	last func() // called once, when closed and the last call has left, before anybody is told; not nil

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
	c.settle()
}

// close refuses later calls and gives a channel that is closed when the last one has left.
func (c *inflight) close() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		c.idle = make(chan struct{})
		c.settle()
	}
	return c.idle
}

// settle is for a holder of mu. It runs once: nobody enters after close, so n gets to 0 once.
func (c *inflight) settle() {
	if c.closed && c.n == 0 {
		c.last()
		close(c.idle)
	}
}
