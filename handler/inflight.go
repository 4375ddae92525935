package handler

import (
	"sync"
	"sync/atomic"
)

// inflight counts the calls in progress, so that a cleanup can wait for them and refuse later ones. Every
// call passes through it, hence no lock.
type inflight struct {
	state atomic.Int64  // the number of calls, and closing
	last  func()        // called once, when closed and the last call has left, before anybody is told
	idle  chan struct{} // closed after that
	once  sync.Once
}

const closing = int64(1) << 62

// open is called before anything else.
func (c *inflight) open(last func()) {
	c.last = last
	c.idle = make(chan struct{})
}

func (c *inflight) enter() error {
	if c.state.Add(1)&closing != 0 {
		c.leave()
		return ErrClosed
	}
	return nil
}

func (c *inflight) leave() {
	if c.state.Add(-1) == closing {
		c.settle()
	}
}

// close refuses later calls and gives a channel that is closed when the last one has left.
func (c *inflight) close() <-chan struct{} {
	if c.state.Or(closing) == 0 {
		c.settle()
	}
	return c.idle
}

// settle comes again after calls that were refused, and does nothing then.
func (c *inflight) settle() {
	c.once.Do(func() {
		c.last()
		close(c.idle)
	})
}
