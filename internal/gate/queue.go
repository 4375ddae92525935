package gate

// waiter is one caller in the queue.
type waiter struct {
	label      string
	back       *Permit // the permit of a holder that stepped out, nil for a newcomer
	ready      chan struct{}
	permit     *Permit
	err        error
	next, prev *waiter
	queued     bool
}

func (w *waiter) grant(p *Permit) {
	w.permit = p
	close(w.ready)
}

func (w *waiter) refuse(err error) {
	w.err = err
	close(w.ready)
}

func (w *waiter) result() (*Permit, error) { return w.permit, w.err }

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
