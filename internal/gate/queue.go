package gate

// Place is a place in the gate's queue, and whose it is.
type Place struct {
	Entrant    Entrant
	next, prev *Place
	queued     bool
}

// placeList is a queue that a place can leave from the middle.
type placeList struct {
	first, last *Place
	n           int
}

func (l *placeList) empty() bool { return l.n == 0 }

func (l *placeList) push(p *Place) {
	p.prev = l.last
	if l.last != nil {
		l.last.next = p
	} else {
		l.first = p
	}
	l.last = p
	p.queued = true
	l.n++
}

func (l *placeList) pushFront(p *Place) {
	p.next = l.first
	if l.first != nil {
		l.first.prev = p
	} else {
		l.last = p
	}
	l.first = p
	p.queued = true
	l.n++
}

// pop takes the first place out, and returns whose it was; nil where there is none.
func (l *placeList) pop() Entrant {
	p := l.first
	if p == nil {
		return nil
	}
	l.remove(p)
	return p.Entrant
}

// remove reports whether p was still queued.
func (l *placeList) remove(p *Place) bool {
	if !p.queued {
		return false
	}
	if p.prev != nil {
		p.prev.next = p.next
	} else {
		l.first = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	} else {
		l.last = p.prev
	}
	p.next, p.prev, p.queued = nil, nil, false
	l.n--
	return true
}

// waiter is a goroutine that waits for a permit: an [Entrant]. Waiters are used again: under contention every call needs
// one.
type waiter struct {
	place   Place
	gate    *Gate
	label   string
	resumes *Permit // of a suspended holder, nil for a newcomer
	ready   chan struct{}
	permit  *Permit
	err     error
}

func (g *Gate) newWaiter(label string, resumes *Permit) *waiter {
	w, ok := g.waiters.Get().(*waiter)
	if !ok {
		w = &waiter{ready: make(chan struct{}, 1)}
		w.place.Entrant = w
	}
	w.gate, w.label, w.resumes = g, label, resumes
	return w
}

// Enter gives the goroutine its permit.
func (w *waiter) Enter(l Locked) {
	if w.resumes != nil {
		l.gate.readmit(w.resumes)
		w.permit = w.resumes
	} else {
		w.permit = l.Grant(w.label, nil)
	}
	w.ready <- struct{}{}
}

// Refuse tells the goroutine that it gets none.
func (w *waiter) Refuse(_ Locked, err error) {
	w.err = err
	w.ready <- struct{}{}
}

// Waiting is one: the goroutine.
func (w *waiter) Waiting() int { return 1 }

// result returns what the waiter got, after a receive from ready. The waiter must not be used afterwards.
func (w *waiter) result() (*Permit, error) {
	p, err := w.permit, w.err
	w.put()
	return p, err
}

// put puts a waiter back into its pool that is in no queue and whose ready is empty.
func (w *waiter) put() {
	g := w.gate
	w.gate, w.label, w.resumes, w.permit, w.err = nil, "", nil, nil, nil
	g.waiters.Put(w)
}
