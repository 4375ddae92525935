package pyworker

import (
	"context"
	"strings"
	"sync"

	"github.com/pyrpc/pyrpc/agent"
	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/pybridge"
)

// callers are the workers that have asked for something, as Python objects: one for each name and policy.
type callers struct {
	mu sync.RWMutex
	// guarded by mu
	known  map[callerKey]*pybridge.Object
	closed bool
}

type callerKey struct {
	name, allow string
	restricted  bool
}

// caller is the Python object for a peer. It waits until Python knows of the agent, since a peer may be
// ready before this worker is.
func (w *Worker) caller(ctx context.Context, peer agent.Peer) (*pybridge.Object, error) {
	select {
	case <-w.installed:
	default:
		if err := w.WaitReady(ctx); err != nil {
			return nil, err
		}
	}
	key := callerKey{name: peer.Name, allow: strings.Join(peer.Allow, "\n"), restricted: peer.Restricted()}
	w.callers.mu.RLock()
	o := w.callers.known[key]
	w.callers.mu.RUnlock()
	if o != nil {
		return o, nil
	}
	var allow any
	if key.restricted {
		allow = append([]string{}, peer.Allow...)
	}
	err := w.inside(ctx, func(t gil.Token) (err error) {
		o, err = w.python.makeCaller.Call(t, w.python.host, peer.Name, allow)
		return err
	})
	if err != nil {
		return nil, err
	}
	return w.callers.add(key, o.Named("caller "+peer.Name))
}

func (c *callers) add(key callerKey, o *pybridge.Object) (*pybridge.Object, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		o.Release()
		return nil, pybridge.ErrClosed
	}
	if known := c.known[key]; known != nil { // somebody else was faster
		o.Release()
		return known, nil
	}
	c.known[key] = o
	return o, nil
}

func (c *callers) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, o := range c.known {
		o.Release()
	}
	clear(c.known)
}
