package agent

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
)

// A worker that was killed cannot release what it referred to. Its next life tells its peers that the former one is
// over (see rrefs.arrived). For a worker that does not come back there is a lease: a peer of which nothing was heard for
// Config.RRefLease is taken for dead, and what it held is released. A connection in either direction is a sign of life.
// While there is none, the agent tries to make one, so that a worker that lives, and has nothing to say, keeps what
// it refers to.

// leaseChecks is how often, within one lease, it is looked whether the holders are still there.
const leaseChecks = 8

// holder is a worker that others' references, or forks on their way, depend on here.
type holder struct {
	holds int       // forks of values of this worker, and children of its users
	heard time.Time // when there was last a sign of life
}

// hold says who has a fork. Life is the incarnation that has it; 0 where it is not known yet which one will.
type hold struct {
	by   string
	life uint64
}

// is says whether a worker, in this life, has it.
func (h *hold) is(p *Peer) bool { return h.by == p.Name && (h.life == 0 || h.life == p.life) }

// claim gives a worker's life what was for any of its lives.
func (h *hold) claim(name string, life uint64) {
	if h.by == name && h.life == 0 {
		h.life = life
	}
}

// lapse is what is remembered of a worker whose references were released for its silence.
type lapse struct {
	life    uint64
	silence time.Duration
}

// take counts what a worker holds. Called with mu held.
func (t *rrefs) take(name string) {
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

// letGo is take in reverse. Called with mu held.
func (t *rrefs) letGo(name string) {
	h := t.holders[name]
	if h.holds--; h.holds == 0 {
		delete(t.holders, name)
	}
}

// heard notes that there was a sign of life of a worker until now.
func (t *rrefs) heard(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h := t.holders[name]; h != nil {
		h.heard = time.Now()
	}
}

// checkLeases looks which holders are there, looks for the others, and gives up those that have been silent for too long.
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

// lapse releases what a worker holds that has been silent for as long as the lease; false if it has not. It decides with the
// table's lock held, and takes only what is held then: the worker may return at any moment, and hold something new.
func (t *rrefs) lapse(name string) bool {
	held := func(h hold) bool { return h.by == name }
	t.mu.Lock()
	h := t.holders[name]
	if h == nil || time.Since(h.heard) < t.agent.config.RRefLease {
		t.mu.Unlock()
		return false
	}
	silence := time.Since(h.heard)
	t.lapsed[name] = lapse{t.lives[name], silence}
	d := t.detach(held)
	t.mu.Unlock()
	if n := t.finish(d, held); n > 0 {
		t.agent.log.Warn("agent: released the RRefs of a silent worker", "worker", name, "references", n, "silent", silence.Round(time.Millisecond),
			"lease", t.agent.config.RRefLease)
	}
	return true
}

// arrived notes which life of a worker it is that was met. What a former one held, nobody will ever release; what was
// on its way to whichever life came next is this one's. One arrival is dealt with at a time: else that of a former life
// could be noted last, and would take everything from the present one.
func (t *rrefs) arrived(name string, life uint64) {
	t.arrivals.Lock()
	defer t.arrivals.Unlock()
	if t.agent.origins.isRetired(name, life) {
		return
	}
	t.mu.Lock()
	if h := t.holders[name]; h != nil {
		h.heard = time.Now()
	}
	if t.lives[name] == life {
		t.mu.Unlock()
		return
	}
	t.lives[name] = life
	delete(t.lapsed, name) // which was a former life's
	for _, o := range t.owned {
		for _, u := range o.forks {
			u.claim(name, life)
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
			c.claim(name, life)
		}
		parent.mu.Unlock()
	}
	t.drop(func(h hold) bool { return h.by == name && h.life != life })
}

// detached is what was taken from holders: values that lost forks, and the parents here of forks on their way.
type detached struct {
	touched []*owned
	waiting map[rrefID]*RRef
}

// drop releases the forks that are held like that, and has their parents here wait for them no longer.
func (t *rrefs) drop(held func(hold) bool) {
	t.mu.Lock()
	d := t.detach(held)
	t.mu.Unlock()
	t.finish(d, held)
}

// detach removes the forks that are held like that. Called with mu held; finish does the rest without it.
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

// finish drops values that nobody refers to any more, and returns how many forks there were.
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

// addFork enters a user of a value. Called with mu held.
func (t *rrefs) addFork(o *owned, fork rrefID, u *user) {
	t.removeFork(o, fork)
	t.take(u.by)
	o.forks[fork] = u
}

// removeFork is addFork in reverse. Called with mu held.
func (t *rrefs) removeFork(o *owned, fork rrefID) {
	if u, known := o.forks[fork]; known {
		delete(o.forks, fork)
		t.letGo(u.by)
	}
}

// overdue is what a worker is told that uses a reference which this one does not know: why, if its lease has run out.
// Called with mu held.
func (t *rrefs) overdue(from *Peer, id rrefID) error {
	l, ok := t.lapsed[from.Name]
	if !ok || l.life != from.life {
		return nil
	}
	return failure(codes.DataLoss, "%w: worker %s had not heard of worker %s for %v, took it for dead, and released its references, "+
		"RRef %v among them, after the lease of %v (Config.RRefLease, --rref-lease): make the value again, or raise the lease there",
		ErrOwnerGone, t.agent.config.Name, from.Name, l.silence.Round(time.Second), id, t.agent.config.RRefLease)
}

// present says whether there is a connection to a worker, in either direction.
func (a *Agent) present(name string) bool { return name == a.config.Name || a.lifeOf(name) != 0 }

// lifeOf is the incarnation of a worker to which there is a connection; 0 if there is none.
func (a *Agent) lifeOf(name string) uint64 {
	if l, err := a.group.link(name); err == nil {
		if s := l.current.Load(); s != nil {
			return s.peer.GetIncarnation()
		}
	}
	return a.origins.connected(name)
}

// lifeFor is the incarnation of a worker that a fork is for: 0 where it is whichever comes next, or of which two are met.
func (a *Agent) lifeFor(name string) uint64 {
	life := a.lifeOf(name)
	a.rrefs.mu.Lock()
	defer a.rrefs.mu.Unlock()
	if life != a.rrefs.lives[name] { // one of the two connections is about to end
		return 0
	}
	return life
}

// lookFor tries to connect to a worker, in the background.
func (a *Agent) lookFor(name string) {
	if l, err := a.group.link(name); err == nil {
		_, _, _ = l.approach() // its outcome is a sign of life, or none
	}
}

// String is for reports of leaks.
func (h hold) String() string { return fmt.Sprintf("worker %s", h.by) }
