package gate

// waiter is one caller in the queue. Waiters are used again: under contention every call needs one.
type waiter struct {
	gate       *Gate
	label      string
	back       *Permit // the permit of a holder that stepped out, nil for a newcomer
	job        Job     // what a dispatcher is to run, nil for one that wants the permit itself
	batch      *batch  // that job is in, nil once it is refused; or whose place in the queue this is
	index      int     // of job, in batch
	others     span    // of batch: whom the caller is to tell when it is told
	ready      chan struct{}
	permit     *Permit
	err        error
	next, prev *waiter
	queued     bool
}

func (g *Gate) newWaiter(label string, back *Permit) *waiter {
	w, ok := g.waiters.Get().(*waiter)
	if !ok {
		w = &waiter{ready: make(chan struct{}, 1)}
	}
	w.gate, w.label, w.back = g, label, back
	return w
}

func (w *waiter) grant(p *Permit) {
	w.permit = p
	w.ready <- struct{}{}
}

func (w *waiter) refuse(err error) {
	w.batch = nil
	w.err = err
	w.ready <- struct{}{}
}

// result is what the waiter got, after a receive from ready. The waiter must not be used any more.
func (w *waiter) result() (*Permit, error) {
	p, err := w.permit, w.err
	w.recycle()
	return p, err
}

// recycle is for a waiter that is in no queue and whose ready is empty.
func (w *waiter) recycle() {
	g := w.gate
	*w = waiter{ready: w.ready}
	g.waiters.Put(w)
}

// waitList is a queue that a waiter can leave from the middle.
type waitList struct {
	first, last *waiter
	n           int
}

func (l *waitList) empty() bool { return l.n == 0 }

func (l *waitList) push(w *waiter) {
	w.prev = l.last
	if l.last != nil {
		l.last.next = w
	} else {
		l.first = w
	}
	l.last = w
	w.queued = true
	l.n++
}

func (l *waitList) pushFront(w *waiter) {
	w.next = l.first
	if l.first != nil {
		l.first.prev = w
	} else {
		l.last = w
	}
	l.first = w
	w.queued = true
	l.n++
}

func (l *waitList) pop() *waiter {
	w := l.first
	if w != nil {
		l.remove(w)
	}
	return w
}

// remove reports whether w was still queued.
func (l *waitList) remove(w *waiter) bool {
	if !w.queued {
		return false
	}
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		l.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		l.last = w.prev
	}
	w.next, w.prev, w.queued = nil, nil, false
	l.n--
	return true
}
