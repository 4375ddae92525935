package gate

import "slices"

// dispatch runs b and then what is behind it, until the queue or the room for it ends.
func (g *Gate) dispatch(p *Permit, b *batch) {
	for b != nil {
		b.run(p)
		next, over := g.dispatchNext(p, b)
		b.notify(over)
		b.free()
		b = next
	}
}

// dispatchNext gives p back and takes it again for the batch at the head of the queue; nil when there is none,
// and p must not be used any more. Who is over is told after that, and finds nothing of its own inside.
func (g *Gate) dispatchNext(p *Permit, b *batch) (next *batch, over span) {
	g.lockSoon()
	defer g.mu.Unlock()
	over = g.finish(b, len(b.members))
	g.discount(p)
	p.batch = nil
	if g.back.empty() && !g.queue.empty() && g.queue.first.batch != nil && g.room() {
		next = g.queue.pop().batch
		g.count(p)
		g.assign(p, next)
	} else {
		g.giveBack(p)
	}
	return next, over
}

// lockSoon locks mu, and tries for a while before it sleeps: nobody holds it for long, and Python waits.
func (g *Gate) lockSoon() {
	for range 50 {
		if g.mu.TryLock() {
			return
		}
	}
	g.mu.Lock()
}

// finish with mu held: the first n of b are over, and those that are in the span are to be told.
func (g *Gate) finish(b *batch, n int) span {
	s, callers := b.finish(n)
	g.returning.Add(int32(callers))
	return s
}

// maxWhileBlocking is how many jobs may share a crossing while callers overstay. Each needs a permit of its own then, and those
// behind it have to be moved when it turns out to.
const maxWhileBlocking = 16

// most with mu held is how many jobs may share a crossing at present.
func (g *Gate) most() int {
	if g.quota > g.opts.Base {
		return maxWhileBlocking
	}
	return maxBatch
}

// assign with mu held: p is b's from now on, and while callers overstay only its first job's.
func (g *Gate) assign(p *Permit, b *batch) {
	p.batch = b
	if g.quota > g.opts.Base {
		g.requeue(b)
	}
}

// yield with mu held: p's job takes long. The callers of those before it are told, and those behind it queue again,
// ahead of all others.
func (g *Gate) yield(p *Permit) {
	b := p.batch
	if b == nil {
		return
	}
	over := g.finish(b, b.now())
	g.requeue(b)
	b.notify(over)
}

// requeue with mu held: those of b whose turn has not come are taken out of it.
func (g *Gate) requeue(b *batch) {
	var again []*batch
	for _, w := range b.withdrawAll() {
		switch last := len(again) - 1; {
		case g.state != Running:
			w.refuse(ErrClosed)
		case last >= 0 && again[last].join(w, g.most()):
		default:
			again = append(again, g.newBatch(w, crossing(w.job)))
		}
		b.free()
	}
	for _, next := range slices.Backward(again) {
		g.queue.pushFront(&next.place)
	}
}

// look with mu held sees, once in each tick, how p's batch fares: whoever of its callers can be told is told, and a job
// that blocks makes way.
func (g *Gate) look(p *Permit) {
	b := p.batch
	if b == nil || p.tick == g.tick {
		return
	}
	b.notify(g.finish(b, b.now()))
	switch {
	case b.goesOn():
		g.renew(p)
	case g.tick-p.tick > 1:
		g.yield(p)
	}
}

func (g *Gate) lookAtAll() {
	for p := g.inside.first; p != nil; p = p.next {
		g.look(p)
	}
}

// minToHelp is how many jobs must be over for a caller that comes to wait to tell their callers: their dispatcher would have
// to come back for it, and those who call again keep each other going on the processors that they have.
const minToHelp = 16

// finishedMeanwhile with mu held gives the callers that the one who asks should tell. The batch is nil where there are
// none, and else to be freed.
func (g *Gate) finishedMeanwhile() (*batch, span) {
	p := g.inside.last
	if p == nil || p.batch == nil || p.batch.now()-p.batch.over < minToHelp {
		return nil, span{}
	}
	p.batch.users.Add(1)
	return p.batch, g.finish(p.batch, p.batch.now())
}

// dispatchesMany with mu held: does anybody wait for others of its batch?
func (g *Gate) dispatchesMany() bool {
	for p := g.inside.first; p != nil; p = p.next {
		if p.batch != nil && len(p.batch.members) > 1 {
			return true
		}
	}
	return false
}
