package pyworker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/handler/policy"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// callers are the peers that have made requests, or whose replies are restricted: one for each name and list.
type callers struct {
	mu sync.RWMutex
	// guarded by mu
	known    map[callerKey]*caller
	policies map[string]*policy.Policy // by the list, whose entries are joined by newlines
	closed   bool
}

type callerKey struct {
	name, allow string
	restricted  bool
}

// caller is a peer: its object in Python, and its gate.
type caller struct {
	name   string
	object *pybridge.Object // a Caller of gopyrpc/_rpc/caller.py
	gate   *handler.Gate    // for everything that the peer sends; nil for a peer that is not restricted
}

func (c *caller) release() {
	c.gate.Release()
	c.object.Release()
}

// caller finds or makes the caller of a peer. It waits until Python has the Host, since a peer may be ready before this
// worker is.
func (w *Worker) caller(ctx context.Context, peer agent.Peer) (*caller, error) {
	select {
	case <-w.installed:
	default:
		if err := w.WaitReady(ctx); err != nil {
			return nil, err
		}
	}
	key := callerKey{name: peer.Name, allow: strings.Join(peer.Allow, "\n"), restricted: peer.Restricted()}
	w.callers.mu.RLock()
	c := w.callers.known[key]
	w.callers.mu.RUnlock()
	if c != nil {
		return c, nil
	}
	c, err := w.newCaller(ctx, peer, key)
	if err != nil {
		return nil, err
	}
	return w.callers.add(key, c)
}

func (w *Worker) newCaller(ctx context.Context, peer agent.Peer, key callerKey) (*caller, error) {
	var allow any
	var restricted *policy.Policy
	if key.restricted {
		allow = append([]string{}, peer.Allow...)
		var err error
		if restricted, err = w.callers.policy(key.allow, peer.Allow); err != nil {
			return nil, fmt.Errorf("pyworker: the list of worker %s: %w", peer.Name, err)
		}
	}
	c := &caller{name: peer.Name}
	err := w.inside(ctx, func(t gil.Token) (err error) {
		if c.object, err = w.python.makeCaller.Call(t, w.python.host, peer.Name, allow); err != nil || restricted == nil {
			return err
		}
		makeNames, err := c.object.Attr(t, "make_names")
		if err != nil {
			return err
		}
		c.gate = handler.NewGate(restricted, makeNames.Named("caller's make_names"))
		return nil
	})
	if err != nil {
		c.release()
		return nil, err
	}
	c.object.Named("caller " + peer.Name)
	return c, nil
}

// checkPolicy finds entries of which no policy can be made. Found later, they would have every request refused.
func checkPolicy(p *agent.Policy) error {
	if p == nil {
		return nil
	}
	for _, list := range append(slices.Collect(maps.Values(p.Workers)), p.Default) {
		if _, err := policy.New(list); err != nil {
			return &agent.ConfigError{Field: "Policy", Err: err}
		}
	}
	return nil
}

// policy returns the policy of a list, which it makes once.
func (c *callers) policy(key string, allow []string) (*policy.Policy, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.policies[key]; p != nil {
		return p, nil
	}
	p, err := policy.New(allow)
	if err == nil {
		c.policies[key] = p
	}
	return p, err
}

func (c *callers) add(key callerKey, made *caller) (*caller, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		made.release()
		return nil, pybridge.ErrClosed
	}
	if known := c.known[key]; known != nil { // another goroutine was faster
		made.release()
		return known, nil
	}
	c.known[key] = made
	return made, nil
}

func (c *callers) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, known := range c.known {
		known.release()
	}
	clear(c.known)
}
