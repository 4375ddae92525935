package pyworker

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker/budget"
)

// accounts has a meter for each peer that has a budget. A peer without a budget is not counted, and costs nothing.
type accounts struct {
	everybody budget.Limits
	each      map[string]budget.Limits // by the peer's name

	mu    sync.RWMutex
	known map[string]*budget.Meter // guarded by mu
}

func newAccounts(config Config) (*accounts, error) {
	a := &accounts{everybody: config.Budget, each: map[string]budget.Limits{}, known: map[string]*budget.Meter{}}
	if what := config.Budget.Wrong(); what != "" {
		return nil, fmt.Errorf("pyworker: Config.Budget: %s", what)
	}
	for name, limits := range config.Budgets {
		if what := limits.Wrong(); what != "" {
			return nil, fmt.Errorf("pyworker: Config.Budgets of %s: %s", name, what)
		}
		a.each[name] = limits.Or(config.Budget)
	}
	return a, nil
}

// of returns the meter of a peer, nil for a peer without a budget.
func (a *accounts) of(peer agent.Peer) *budget.Meter {
	limits, named := a.each[peer.Name]
	if !named {
		limits = a.everybody
	}
	if !limits.Bound() || peer.Self() {
		return nil
	}
	a.mu.RLock()
	m := a.known[peer.Name]
	a.mu.RUnlock()
	if m != nil {
		return m
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if m = a.known[peer.Name]; m == nil {
		m = budget.New("worker "+peer.Name, limits)
		a.known[peer.Name] = m
	}
	return m
}

// begin counts a call of a peer. The call is nil for a peer without a budget.
func (a *accounts) begin(ctx context.Context, peer agent.Peer) (context.Context, *budget.Call, error) {
	m := a.of(peer)
	if m == nil {
		return ctx, nil, nil
	}
	return m.Begin(ctx)
}

func (a *accounts) usage() map[string]budget.Usage {
	a.mu.RLock()
	defer a.mu.RUnlock()
	used := make(map[string]budget.Usage, len(a.known))
	for name, m := range a.known {
		used[name] = m.Usage()
	}
	return used
}

// beyondBudget returns the error that the peer is told when it has reached a limit of its budget; nil for other errors.
func beyondBudget(err error) error {
	var e *budget.Exceeded
	if !errors.As(err, &e) {
		return nil
	}
	return &agent.Error{Code: codes.ResourceExhausted, Text: e.Text, Err: err}
}

// stopped returns the cause of the end of a call's context if that is the peer's budget. The call's own result is then
// the interruption, as a RemoteException, and is of no use.
func stopped(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil && beyondBudget(err) != nil {
		return err
	}
	return nil
}

// Stats are the agent's counts, and by name those of the peers that have a budget or were refused something.
type Stats struct {
	agent.Stats
	Peers map[string]PeerStats
}

// PeerStats are the counts of one peer.
type PeerStats struct {
	budget.Usage        // zero for a peer without a budget
	Forbidden    uint64 // requests, replies and methods that its list does not let in, or that cannot be read under the list
}

// Stats returns the counts. It does not block.
func (w *Worker) Stats() Stats {
	s := Stats{w.agent.Stats(), map[string]PeerStats{}}
	for name, used := range w.accounts.usage() {
		s.Peers[name] = PeerStats{Usage: used}
	}
	for name, n := range w.refusals.counts() {
		p := s.Peers[name]
		p.Forbidden = n
		s.Peers[name] = p
	}
	return s
}
