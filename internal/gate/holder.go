package gate

// This file is the seam between the permits and what shares a permit, and the place in the queue, among many callers:
// package batch. The gate asks a Holder and an Entrant, and they answer by what a Locked can do.

// Holder is what a permit is for where that is not one goroutine but the work of several callers, one after the other. Its
// methods are called with the gate's lock held, and must not block.
type Holder interface {
	// Label says, for reports, whose work is being done, or is to be done next.
	Label() string
	// WaitingBehind is the number of callers that wait behind the one whose work is being done.
	WaitingBehind() int
	// NeedsTicks reports whether anybody waits for a Tick.
	NeedsTicks() bool
	// Tick is called at most once in each tick, and reports whether the work goes on: then the permit counts as fresh, as
	// if it had been given back and granted again. Where the permit has not been fresh for a tick Yield follows.
	Tick(Locked) (goesOn bool)
	// Yield is called when the present work takes long, or leaves Python for a while: nobody is to wait behind it.
	Yield(Locked)
}

// Entrant is what has a place in the queue. Its methods are called with the gate's lock held, and must not block.
type Entrant interface {
	// Enter is called when there is room: the place is out of the queue, and the Entrant takes a permit with Locked.Grant.
	Enter(Locked)
	// Refuse is called when the Entrant will not get one; the place is out of the queue.
	Refuse(Locked, error)
	// Waiting is the number of callers that wait here.
	Waiting() int
}

// Locked proves to functions that the gate's lock is held, as a gil.Token does for the GIL.
type Locked struct{ gate *Gate }

// Lock takes the gate's lock, until [Locked.Unlock].
func (g *Gate) Lock() Locked {
	g.mu.Lock()
	return Locked{g}
}

// LockSoon is [Gate.Lock] for a goroutine that Python waits for: it tries for a while before it sleeps, as nobody holds
// the lock for long.
func (g *Gate) LockSoon() Locked {
	for range 50 {
		if g.mu.TryLock() {
			return Locked{g}
		}
	}
	return g.Lock()
}

// Unlock ends l.
func (l Locked) Unlock() { l.gate.mu.Unlock() }

// Running reports whether newcomers may enter at all.
func (l Locked) Running() bool { return l.gate.state == Running }

// Room reports whether a newcomer may come in at once. The error says why one can neither come in nor wait.
func (l Locked) Room() (bool, error) {
	switch g := l.gate; {
	case g.state != Running:
		return false, g.refusal()
	case g.vacant():
		return true, nil
	default:
		return false, g.exhausted()
	}
}

// Grant gives a permit out, for which there must be room. The holder is nil where it is the goroutine that the label
// names.
func (l Locked) Grant(label string, h Holder) *Permit { return l.gate.grant(label, h) }

// PassOn gives p back and takes it again, as a fresh permit, for the Entrant at the head of the queue, if that may come in
// and holderOf makes a Holder of it. It returns that Holder, whose place is out of the queue then; nil where there is none,
// and p must not be used any more.
func (l Locked) PassOn(p *Permit, holderOf func(Entrant) (Holder, bool)) Holder {
	g := l.gate
	g.discount(p)
	p.holder = nil
	if g.resuming.empty() && !g.queue.empty() && g.room() {
		if h, ok := holderOf(g.queue.first.Entrant); ok {
			g.queue.pop()
			g.count(p)
			p.holder = h
			return h
		}
	}
	g.giveBack(p)
	return nil
}

// Push puts a place at the end of the queue.
func (l Locked) Push(p *Place) { l.gate.queue.push(p) }

// PushFront puts a place at the head of the queue.
func (l Locked) PushFront(p *Place) { l.gate.queue.pushFront(p) }

// Remove takes a place out of the queue, and reports whether it was there.
func (l Locked) Remove(p *Place) bool { return l.gate.queue.remove(p) }

// Last is at the end of the queue; nil where that is empty.
func (l Locked) Last() Entrant {
	if last := l.gate.queue.last; last != nil {
		return last.Entrant
	}
	return nil
}

// Newest is the holder of the permit that came in last of those inside; nil where that is a goroutine, or nobody is.
func (l Locked) Newest() Holder {
	if p := l.gate.inside.last; p != nil {
		return p.holder
	}
	return nil
}

// NoteWait counts a caller that has to wait, and keeps the clock going for it.
func (l Locked) NoteWait() { l.gate.noteWait() }

// IsBlocking reports whether callers overstay at present, so that several are let in together.
func (l Locked) IsBlocking() bool { return l.gate.quota > l.gate.opts.Base }

// Admit lets in what there is room for.
func (l Locked) Admit() { l.gate.admit() }

// LetGo counts callers that have been told that their work is done and that do not run yet. They may come again at once,
// so newcomers wait until each has called [Gate.Returned]: a caller that calls without a pause would keep them all
// waiting for the processor.
func (l Locked) LetGo(callers int) { l.gate.returning.Add(int32(callers)) }

// AreReturning reports whether callers that were let go are still to return.
func (l Locked) AreReturning() bool { return l.gate.returning.Load() > 0 }

// Returned is called by each caller that was let go, once it runs. The last one lets in those that have come meanwhile.
func (g *Gate) Returned() {
	if g.returning.Add(-1) > 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.admit()
}
