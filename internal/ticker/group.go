package ticker

import "sync"

// Group is what has one Ticker in common, which runs while any of its members needs it. It is ready as its zero value, and
// its methods may be called from any goroutine.
type Group struct {
	ticker  Ticker
	mu      sync.Mutex
	members map[Member]struct{} // guarded by mu
}

// Member is what a Group ticks. It is a key of a map.
type Member interface {
	// Tick is called at each interval, one Member after the other, and says whether ticks are needed further. It must
	// not block, and not add or remove members.
	Tick() (needed bool)
}

// Add has a member ticked whenever the Ticker runs.
func (g *Group) Add(m Member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.members == nil {
		g.members = map[Member]struct{}{}
	}
	g.members[m] = struct{}{}
}

// Remove takes a member out, which is ticked no more.
func (g *Group) Remove(m Member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.members, m)
}

// Start is for a member that needs the ticks from now on, which its Tick must say already.
func (g *Group) Start() { g.ticker.Start(Interval, (*groupWork)(g)) }

// Running says whether the Ticker runs.
func (g *Group) Running() bool { return g.ticker.Running() }

// Hold is [Ticker.Hold]: a test then calls Tick itself.
func (g *Group) Hold() (resume func(), ok bool) { return g.ticker.Hold() }

// Tick ticks all members, and says whether any needs that further.
func (g *Group) Tick() (needed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for m := range g.members {
		if m.Tick() {
			needed = true
		}
	}
	return needed
}

// groupWork is the work of a Group's Ticker.
type groupWork Group

func (w *groupWork) Tick() bool   { return (*Group)(w).Tick() }
func (w *groupWork) Needed() bool { return (*Group)(w).Tick() }
