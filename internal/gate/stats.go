package gate

// Snapshot is the gate at one moment.
type Snapshot struct {
	State        State
	Inside       int    // permits that are out
	Suspended    int    // holders that are suspended, in Go
	Abandoned    int    // holders that no longer count, see Gate.Abandon
	Queue        int    // callers that wait
	Quota        int    // fresh permits granted at once, at present
	Max          int    // permits in all
	MaxAbandoned int    // abandoned ones in all
	Peak         int    // most that were ever inside
	Waits        int64  // entries that had to wait
	Entries      uint64 // ways in, of newcomers and of suspended holders; a Holder with several callers is one
}

// Stats blocks for no longer than a grant takes.
func (g *Gate) Stats() Snapshot {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Snapshot{
		State: g.state, Inside: g.inside.n, Suspended: g.suspended.n, Abandoned: g.abandoned.n, Queue: g.waitingToEnter(), Quota: g.quota,
		Max: g.opts.Max, MaxAbandoned: max(g.opts.MaxAbandoned, 0), Peak: g.peak, Waits: g.waits.Load(),
		Entries: g.entries,
	}
}

// Inside lists the labels of the holders that are inside, suspended, or abandoned, each group oldest first.
func (g *Gate) Inside() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var labels []string
	for _, list := range []permitList{g.inside, g.suspended, g.abandoned} {
		for p := list.first; p != nil; p = p.next {
			labels = append(labels, p.what())
		}
	}
	return labels
}

// waitingToEnter counts callers: holders that come back, those in the queue, and those behind a holder. The caller must
// hold mu.
func (g *Gate) waitingToEnter() int {
	n := g.resuming.n
	for place := g.queue.first; place != nil; place = place.next {
		n += place.Entrant.Waiting()
	}
	for p := g.inside.first; p != nil; p = p.next {
		if p.holder != nil {
			n += p.holder.WaitingBehind()
		}
	}
	return n
}
