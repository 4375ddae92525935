package gate

import "sync"

// batch is the fewest callers that a carrier tells together that their jobs are done, while there are
// more jobs. Telling one often means waking an OS thread, which costs as much as a small call, and those
// who are told at once ask for processors while Python computes.
const batch = 32

// carrier is a goroutine that goes from job to job.
type carrier struct {
	done, told []*waiter // whose jobs are done, and who are being told; swapped. done is guarded by Gate.mu
}

var carriers = sync.Pool{New: func() any { return new(carrier) }}

// carry runs w's job and then those behind it, until the queue or the room for them ends.
func (g *Gate) carry(p *Permit, w *waiter) {
	c := carriers.Get().(*carrier)
	defer carriers.Put(c) // nobody is held back: the last round has told them all
	for w != nil {
		w.job.Run(p)
		var over []*waiter
		w, over = c.carryOn(p, w)
		tell(over)
	}
}

func tell(over []*waiter) {
	for _, w := range over {
		w.grant(nil)
	}
}

// carryOn gives p back and takes it again for the job at the head of the queue; nil when there is none,
// and p must not be used any more. Who is over is told after that, and finds nothing of its own inside:
// at the end, when there are enough of them, or when the next job takes long or steps out.
func (c *carrier) carryOn(p *Permit, done *waiter) (next *waiter, over []*waiter) {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	c.done = append(c.done, done)
	g.discount(p)
	p.carrier = nil
	if g.back.empty() && !g.queue.empty() && g.queue.first.job != nil && g.room() {
		next = g.queue.pop()
		p.label = next.label
		p.carrier = c
		g.count(p)
		if g.holdBack(c) {
			return next, nil
		}
	} else {
		g.giveBack(p)
	}
	over = c.done
	c.done, c.told = c.told[:0], over
	return next, over
}

// holdBack with mu held: should c go on before it tells who is done? Until as many are done as wait, so
// that a long queue is told in a few rounds; the clock sees to it that nobody is held for longer than a
// tick.
func (g *Gate) holdBack(c *carrier) bool { return len(c.done) < max(batch, g.queue.n) }

// tellAll with mu held: p's job takes long.
func (p *Permit) tellAll() {
	if c := p.carrier; c != nil {
		tell(c.done)
		c.done = c.done[:0]
	}
}

// tellOverdue with mu held: those whose carrier has not come back since the clock went on.
func (g *Gate) tellOverdue() {
	for p := g.inside.first; p != nil; p = p.next {
		if p.tick != g.tick {
			p.tellAll()
		}
	}
}

// holdsBack with mu held: is anybody done and not told?
func (g *Gate) holdsBack() bool {
	for p := g.inside.first; p != nil; p = p.next {
		if p.carrier != nil && len(p.carrier.done) > 0 {
			return true
		}
	}
	return false
}
