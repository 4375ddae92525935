package agent

import (
	"sync"
	"sync/atomic"
	"time"
)

// rrefs is an agent's table of RRefs: the values that it owns, and the users that it has. Lock order: arrivals, an RRef's
// mu, the table's mu.
type rrefs struct {
	agent   *Agent
	counter atomic.Uint64

	mu       sync.Mutex
	owned    map[rrefID]*owned
	users    map[string]*RRef // by RRef.key
	children map[rrefID]*RRef // the parents here, by the fork of the child
	closed   bool

	arrivals sync.Mutex // held by arrived

	// See rref_lease.go. By the worker's name.
	holders      map[string]*holder
	incarnations map[string]uint64 // the last one of which a connection came
	lapsed       map[string]lapse  // of workers of the group, one each at most; until their next incarnation
	checks       *time.Timer       // of the leases; nil while there is no holder
}

func newRRefs(a *Agent) *rrefs {
	return &rrefs{
		agent: a, owned: map[rrefID]*owned{}, users: map[string]*RRef{}, children: map[rrefID]*RRef{},
		holders: map[string]*holder{}, incarnations: map[string]uint64{}, lapsed: map[string]lapse{},
	}
}

// newID makes an id that is unique in the group. As in torch, one counter serves RRefs and forks.
func (t *rrefs) newID() rrefID {
	return rrefID{int32(t.agent.Rank()), t.counter.Add(1) - 1}
}

// addUser enters a user. It returns false if there is a user of the same fork.
func (t *rrefs) addUser(r *RRef) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.users[r.key]; ok {
		return false
	}
	t.users[r.key] = r
	return true
}

func (t *rrefs) dropUser(r *RRef) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.users, r.key)
}

func (t *rrefs) addChild(fork rrefID, parent *RRef, h hold) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.children[fork] = parent
	t.addHold(h.by)
}

// childKnown notes that the owner knows of a child, which lets the parent be deleted.
func (t *rrefs) childKnown(fork rrefID) {
	t.mu.Lock()
	parent := t.children[fork]
	delete(t.children, fork)
	t.mu.Unlock()
	if parent == nil {
		return // the second message about it
	}
	parent.mu.Lock()
	c := parent.children[fork]
	delete(parent.children, fork)
	parent.mu.Unlock()
	t.mu.Lock()
	t.dropHold(c.by)
	t.mu.Unlock()
	parent.maybeDelete()
}

// releaseUsers releases all users that this worker still has. It is for a join, in which nobody uses them any more.
func (t *rrefs) releaseUsers() {
	t.mu.Lock()
	users := make([]*RRef, 0, len(t.users))
	for _, r := range t.users {
		users = append(users, r)
	}
	t.mu.Unlock()
	for _, r := range users {
		r.Release()
	}
}

// count sets what is counted of the table.
func (t *rrefs) count(s *Stats) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.RRefsOwned, s.RRefsUsed, s.RRefsPending = len(t.owned), len(t.users), len(t.children)
	for _, o := range t.owned {
		s.RRefUsers += len(o.forks)
		if len(o.forks) > 0 {
			s.RRefsShared++
		}
	}
	for _, r := range t.users {
		select {
		case <-r.confirmed:
		default:
			s.RRefsPending++
		}
	}
}
