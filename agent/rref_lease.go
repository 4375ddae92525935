package agent

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
)

// A worker that was killed cannot release its references. Its next incarnation shows its peers that the former one has
// ended (see rrefs.arrived). For a worker that does not come back there is a lease: a peer of which nothing was heard for
// Config.RRefLease is taken for dead, and its references are released. A connection in either direction is a sign of
// life. While there is none, the agent tries to connect, so that a worker that is alive and sends nothing keeps its
// references.

// leaseChecks is how often within one lease the agent checks that the holders are alive.
const leaseChecks = 8

// holder is a worker that has references to values of this worker, or to which forks are on their way from here.
type holder struct {
	holds int       // forks of values of this worker, and children of its users
	heard time.Time // the last sign of life
}

// hold is a worker's hold of a fork. The incarnation is 0 until it is known which one has the fork.
type hold struct {
	by          string
	incarnation uint64
}

// is says whether the peer, in this incarnation, has the fork.
func (h *hold) is(p *Peer) bool {
	return h.by == p.Name && (h.incarnation == 0 || h.incarnation == p.incarnation)
}

// claim gives a fork that was for any incarnation of a worker to this one.
func (h *hold) claim(name string, incarnation uint64) {
	if h.by == name && h.incarnation == 0 {
		h.incarnation = incarnation
	}
}

// lapse records that the lease of a worker has run out.
type lapse struct {
	incarnation uint64
	silence     time.Duration
}

// addHold counts a hold of a worker. The caller must hold mu.
func (t *rrefs) addHold(name string) {
	h := t.holders[name]
	if h == nil {
		h = &holder{heard: time.Now()}
		t.holders[name] = h
	}
	h.holds++
	if t.checks == nil && !t.closed {
		t.checks = time.AfterFunc(t.agent.config.RRefLease/leaseChecks, t.checkLeases)
	}
}

// dropHold is the reverse of addHold. The caller must hold mu.
func (t *rrefs) dropHold(name string) {
	h := t.holders[name]
	if h.holds--; h.holds == 0 {
		delete(t.holders, name)
	}
}

// heard notes a sign of life of a worker.
func (t *rrefs) heard(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h := t.holders[name]; h != nil {
		h.heard = time.Now()
	}
}

// checkLeases notes which holders are connected, tries to connect to the others, and ends the leases of those that have been
// silent for too long.
func (t *rrefs) checkLeases() {
	a := t.agent
	for _, name := range t.watched() {
		if a.present(name) {
			t.heard(name)
		} else if !t.lapse(name) {
			a.lookFor(name)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.checks = nil
	if len(t.holders) > 0 && !t.closed {
		t.checks = time.AfterFunc(a.config.RRefLease/leaseChecks, t.checkLeases)
	}
}

func (t *rrefs) watched() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	names := make([]string, 0, len(t.holders))
	for name := range t.holders {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// lapse releases the references of a worker that has been silent for as long as the lease, and says whether it has been. It
// decides under mu, and releases only the references that the worker has at that moment: the worker may return at any
// time, with new ones.
func (t *rrefs) lapse(name string) bool {
	held := func(h hold) bool { return h.by == name }
	t.mu.Lock()
	h := t.holders[name]
	if h == nil || time.Since(h.heard) < t.agent.config.RRefLease {
		t.mu.Unlock()
		return false
	}
	silence := time.Since(h.heard)
	t.lapsed[name] = lapse{t.incarnations[name], silence}
	d := t.detach(held)
	t.mu.Unlock()
	if n := t.finish(d, held); n > 0 {
		t.agent.log.Warn("agent: released the RRefs of a silent worker", "worker", name, "references", n, "silent", silence.Round(time.Millisecond),
			"lease", t.agent.config.RRefLease)
	}
	return true
}

// arrived notes a connection of an incarnation of a worker. It releases the references of former incarnations, which
// nothing else would release, and gives this one the forks that are on their way to the worker. Arrivals exclude each
// other: the arrival of a former incarnation must not be noted last, and take everything from the present one.
func (t *rrefs) arrived(name string, incarnation uint64) {
	t.arrivals.Lock()
	defer t.arrivals.Unlock()
	if t.agent.transport.IsRetired(name, incarnation) {
		return
	}
	t.mu.Lock()
	if h := t.holders[name]; h != nil {
		h.heard = time.Now()
	}
	if t.incarnations[name] == incarnation {
		t.mu.Unlock()
		return
	}
	t.incarnations[name] = incarnation
	delete(t.lapsed, name) // the lapse of a former incarnation
	for _, o := range t.owned {
		for _, u := range o.forks {
			u.claim(name, incarnation)
		}
	}
	parents := map[*RRef]bool{}
	for _, parent := range t.children {
		parents[parent] = true
	}
	t.mu.Unlock()
	for parent := range parents {
		parent.mu.Lock()
		for _, c := range parent.children {
			c.claim(name, incarnation)
		}
		parent.mu.Unlock()
	}
	t.drop(func(h hold) bool { return h.by == name && h.incarnation != incarnation })
}

// detached are the values that have lost forks, and the parents here of forks on their way.
type detached struct {
	touched []*owned
	waiting map[rrefID]*RRef
}

// drop releases the forks whose holds match, and ends the wait of their parents here for them.
func (t *rrefs) drop(held func(hold) bool) {
	t.mu.Lock()
	d := t.detach(held)
	t.mu.Unlock()
	t.finish(d, held)
}

// detach removes the forks whose holds match. The caller must hold mu, and calls finish without it.
func (t *rrefs) detach(held func(hold) bool) detached {
	d := detached{waiting: maps.Clone(t.children)}
	for _, o := range t.owned {
		for fork, u := range o.forks {
			if held(u.hold) {
				t.removeFork(o, fork)
				d.touched = append(d.touched, o)
			}
		}
	}
	return d
}

// finish drops the values that have no references any more, and returns the number of forks that were released.
func (t *rrefs) finish(d detached, held func(hold) bool) int {
	n := len(d.touched)
	for _, o := range d.touched {
		t.maybeDrop(o)
	}
	for fork, parent := range d.waiting {
		if c, ok := parent.child(fork); ok && held(c.hold) {
			t.childKnown(fork)
			n++
		}
	}
	return n
}

// addFork enters a user of a value. The caller must hold mu.
func (t *rrefs) addFork(o *owned, fork rrefID, u *user) {
	t.removeFork(o, fork)
	t.addHold(u.by)
	o.forks[fork] = u
}

// removeFork is the reverse of addFork. The caller must hold mu.
func (t *rrefs) removeFork(o *owned, fork rrefID) {
	if u, known := o.forks[fork]; known {
		delete(o.forks, fork)
		t.dropHold(u.by)
	}
}

// overdue returns the error for a worker that uses a reference which was released when the worker's lease ran out; nil if
// no lease of this incarnation has. The caller must hold mu.
func (t *rrefs) overdue(from *Peer, id rrefID) error {
	l, ok := t.lapsed[from.Name]
	if !ok || l.incarnation != from.incarnation {
		return nil
	}
	return failure(codes.DataLoss, "%w: worker %s had not heard of worker %s for %v, took it for dead, and released its references, "+
		"RRef %v among them, after the lease of %v (Config.RRefLease, --rref-lease): make the value again, or raise the lease there",
		ErrOwnerGone, t.agent.config.Name, from.Name, l.silence.Round(time.Second), id, t.agent.config.RRefLease)
}

// present says whether there is a connection to a worker, in either direction.
func (a *Agent) present(name string) bool { return name == a.config.Name || a.incarnationOf(name) != 0 }

// incarnationOf returns the incarnation of a worker to which there is a connection; 0 if there is none.
func (a *Agent) incarnationOf(name string) uint64 {
	if p, err := a.peers.to(name); err == nil {
		if incarnation := p.Incarnation(); incarnation != 0 {
			return incarnation
		}
	}
	return a.transport.Connected(name)
}

// incarnationFor returns the incarnation of a worker that a new fork is for: 0 where the next one that connects is to have
// it, or where two are connected.
func (a *Agent) incarnationFor(name string) uint64 {
	incarnation := a.incarnationOf(name)
	a.rrefs.mu.Lock()
	defer a.rrefs.mu.Unlock()
	if incarnation != a.rrefs.incarnations[name] { // one of the two connections is about to end
		return 0
	}
	return incarnation
}

// lookFor tries to connect to a worker, in the background.
func (a *Agent) lookFor(name string) {
	if p, err := a.peers.to(name); err == nil {
		_, _, _ = p.Approach() // a connection is a sign of life
	}
}

// String is for reports of leaks.
func (h hold) String() string { return fmt.Sprintf("worker %s", h.by) }
