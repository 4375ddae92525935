package gate

import (
	"fmt"
	"sync"
)

// Permit is the right to be inside, given back by [Permit.Leave].
type Permit struct {
	gate       *Gate
	id         int
	label      string
	tick       uint64
	holder     Holder      // nil for the goroutine that entered
	at         *permitList // the list that it is in: the gate's inside, suspended, or abandoned; nil for none
	next, prev *Permit
}

// ID is a small positive number, unique among the permits that are out: what can be kept where a
// pointer cannot, and turned back by [Gate.Permit].
func (p *Permit) ID() int { return p.id }

// what says what the permit is for. The caller must hold mu.
func (p *Permit) what() string {
	if p.holder != nil {
		return p.holder.Label()
	}
	return p.label
}

// yield has nobody wait behind p's work. The caller must hold mu.
func (p *Permit) yield() {
	if p.holder != nil {
		p.holder.Yield(Locked{p.gate})
	}
}

// look asks p's holder, once in each tick, how its work fares. The caller must hold mu.
func (g *Gate) look(p *Permit) {
	switch {
	case p.holder == nil || p.tick == g.tick:
	case p.holder.Tick(Locked{g}):
		g.renew(p)
	case g.tick-p.tick > 1:
		p.yield()
	}
}

// Permit finds a permit that is out by its ID; nil where there is none.
func (g *Gate) Permit(id int) *Permit {
	g.mu.Lock()
	defer g.mu.Unlock()
	if id < 1 || id > len(g.ids) {
		return nil
	}
	return g.ids[id-1]
}

var permits = sync.Pool{New: func() any { return new(Permit) }}

// permitList has some of the permits that are out, oldest first.
type permitList struct {
	first, last *Permit
	n           int
}

func (l *permitList) push(p *Permit) {
	p.at, p.prev, p.next = l, l.last, nil
	if l.last != nil {
		l.last.next = p
	} else {
		l.first = p
	}
	l.last = p
	l.n++
}

func (l *permitList) remove(p *Permit) {
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
	p.at, p.prev, p.next = nil, nil, nil
	l.n--
}

// move puts p from its list into another. The caller must hold mu.
func (g *Gate) move(p *Permit, to *permitList) {
	p.at.remove(p)
	to.push(p)
}

// out is the number of permits that are out: inside, suspended and abandoned. The caller must hold mu.
func (g *Gate) out() int { return g.inside.n + g.suspended.n + g.abandoned.n }

// room reports whether one more newcomer may come in. The caller must hold mu.
func (g *Gate) room() bool {
	return g.roomToResume() && g.inside.n < g.opts.Max && g.out() < g.opts.Total && g.threadFor(g.out()+1)
}

// threadFor reports whether n holders may have a thread each. The caller must hold mu.
func (g *Gate) threadFor(n int) bool { return g.opts.Threads == nil || g.opts.Threads(n) == nil }

// exhausted is why a newcomer would wait for ever: every holder that has a thread is suspended, to wait for something
// that may well be the newcomer, or is stuck. It is nil where a newcomer would not. The caller must hold mu.
func (g *Gate) exhausted() error {
	if g.opts.Threads == nil || g.inside.n > 0 || g.suspended.n == 0 || !g.resuming.empty() {
		return nil
	}
	if err := g.opts.Threads(g.out() + 1); err != nil {
		return fmt.Errorf("%d python calls wait for something else, and there is no thread for one more: %w", g.suspended.n, err)
	}
	return nil
}

// vacant reports whether a newcomer may come in at once: not while callers are returning, see Locked.LetGo. The caller must
// hold mu.
func (g *Gate) vacant() bool { return g.queue.empty() && g.room() && g.returning.Load() == 0 }

// roomToResume reports whether a suspended holder may come in again. The caller must hold mu.
func (g *Gate) roomToResume() bool { return g.fresh[0]+g.fresh[1] < g.quota }

// grant gives a permit out. The caller must hold mu.
func (g *Gate) grant(label string, h Holder) *Permit {
	p := permits.Get().(*Permit)
	p.gate, p.label, p.holder, p.id = g, label, h, g.newID(p)
	g.count(p)
	return p
}

// newID finds a number for p. Permits are few, so a search is cheap. The caller must hold mu.
func (g *Gate) newID(p *Permit) int {
	for i, taken := range g.ids {
		if taken == nil {
			g.ids[i] = p
			return i + 1
		}
	}
	g.ids = append(g.ids, p)
	return len(g.ids)
}

// count has p inside, as a fresh permit. The caller must hold mu.
func (g *Gate) count(p *Permit) {
	p.tick = g.tick
	g.fresh[0]++
	g.inside.push(p)
	g.entries++
	g.peak = max(g.peak, g.inside.n)
}

// discount has p count no longer. A holder that left in time shows that calls are short, so the quota goes down by one. The
// caller must hold mu.
func (g *Gate) discount(p *Permit) {
	if p.at == &g.abandoned {
		g.abandoned.remove(p)
		return
	}
	g.inside.remove(p)
	if g.uncount(p) && g.quota > g.opts.Base {
		g.quota--
	}
}

// uncount reports whether p has not overstayed. The caller must hold mu.
func (g *Gate) uncount(p *Permit) bool {
	switch g.tick - p.tick {
	case 0:
		g.fresh[0]--
	case 1:
		g.fresh[1]--
	default:
		g.stale--
		return false
	}
	return true
}

// renew makes p fresh again: it is for other work than before. The caller must hold mu.
func (g *Gate) renew(p *Permit) {
	g.uncount(p)
	p.tick = g.tick
	g.fresh[0]++
}

// admit grants while there is room, first to holders that come back. The caller must hold mu.
func (g *Gate) admit() {
	for !g.resuming.empty() && g.roomToResume() {
		g.resuming.pop().Enter(Locked{g})
	}
	for !g.queue.empty() && g.room() {
		g.queue.pop().Enter(Locked{g})
	}
	g.refuseExhausted()
}

// refuseExhausted refuses the queue where it would wait for ever: everybody that was inside when it came to wait has
// was suspended since. The caller must hold mu.
func (g *Gate) refuseExhausted() {
	if g.queue.empty() {
		return
	}
	if err := g.exhausted(); err != nil {
		g.refuseQueue(err)
	}
}

// Leave gives the permit back; p must not be used afterwards. It does not block.
func (p *Permit) Leave() {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	g.discount(p)
	g.giveBack(p)
}

// giveBack ends p, which is discounted already. The caller must hold mu.
func (g *Gate) giveBack(p *Permit) {
	g.ids[p.id-1] = nil
	*p = Permit{}
	permits.Put(p)
	g.admit()
	g.signalDrained()
}

// Suspend gives the permit up for a while, because its holder is going to wait outside Python for
// something that may itself need to enter. It does not block.
func (p *Permit) Suspend() {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	p.yield()
	g.discount(p)
	g.suspended.push(p)
	g.admit()
}

// readmit has p inside again. The caller must hold mu.
func (g *Gate) readmit(p *Permit) {
	g.suspended.remove(p)
	g.count(p)
}

// Resume takes the permit back, ahead of all newcomers: its holder's frames are on a Python stack, and
// only its return frees them. It blocks while fresh holders use up the quota, but not for holders that
// overstay, also while draining.
func (p *Permit) Resume() {
	g := p.gate
	g.mu.Lock()
	if g.resuming.empty() && g.roomToResume() {
		g.readmit(p)
		g.mu.Unlock()
		return
	}
	w := g.enqueue(&g.resuming, p.what(), p)
	g.mu.Unlock()
	<-w.ready
	w.put()
}
