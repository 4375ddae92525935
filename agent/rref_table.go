package agent

import (
	"sync"
	"sync/atomic"
	"time"
)

// rrefs is what an agent knows of RRefs: the values that it owns and the users that it has. Lock order: an
// RRef's mu, then the table's.
type rrefs struct {
	agent   *Agent
	counter atomic.Uint64

	mu       sync.Mutex
	owned    map[rrefID]*owned
	users    map[string]*RRef // by RRef.key
	children map[rrefID]*RRef // by the child's fork: its parent here
	closed   bool

	arrivals sync.Mutex // comes before all others

	// See rref_lease.go. By the worker's name.
	holders map[string]*holder
	lives   map[string]uint64 // the incarnation that was met last
	lapsed  map[string]lapse  // of workers of the group, one each at most; until their next life
	checks  *time.Timer       // of the leases; nil while nobody holds anything
}

func newRRefs(a *Agent) *rrefs {
	return &rrefs{
		agent: a, owned: map[rrefID]*owned{}, users: map[string]*RRef{}, children: map[rrefID]*RRef{},
		holders: map[string]*holder{}, lives: map[string]uint64{}, lapsed: map[string]lapse{},
	}
}

// newID makes an id that no other worker makes. One counter serves RRefs and forks, as in torch.
func (t *rrefs) newID() rrefID {
	return rrefID{int32(t.agent.Rank()), t.counter.Add(1)}
}

// addUser enters a user; false means that this fork is here already.
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
	t.take(h.by)
}

// childKnown notes that the owner knows of a child, so that its parent may go.
func (t *rrefs) childKnown(fork rrefID) {
	t.mu.Lock()
	parent := t.children[fork]
	delete(t.children, fork)
	t.mu.Unlock()
	if parent == nil {
		return // it was told before
	}
	parent.mu.Lock()
	c := parent.children[fork]
	delete(parent.children, fork)
	parent.mu.Unlock()
	t.mu.Lock()
	t.letGo(c.by)
	t.mu.Unlock()
	parent.maybeDelete()
}

// releaseUsers releases all users that this worker still has: the group is joining, and nobody uses them.
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

func (t *rrefs) counts() (owned, users int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.owned), len(t.users)
}
