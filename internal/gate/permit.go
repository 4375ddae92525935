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
	batch      *batch      // that it is for, when it is a dispatcher's
	at         *permitList // that it is in: of the gate's inside, away, and abandoned; nil for none
	next, prev *Permit
}

// ID is a small positive number, unique among the permits that are out: what can be kept where a
// pointer cannot, and turned back by [Gate.Permit].
func (p *Permit) ID() int { return p.id }

// what with mu held says what the permit is for.
func (p *Permit) what() string {
	if p.batch != nil {
		return p.batch.label()
	}
	return p.label
}

// Permit finds a permit that is out by its ID, nil when there is none.
func (g *Gate) Permit(id int) *Permit {
	g.mu.Lock()
	defer g.mu.Unlock()
	if id < 1 || id > len(g.ids) {
		return nil
	}
	return g.ids[id-1]
}

var permits = sync.Pool{New: func() any { return new(Permit) }}

// permitList is some of the permits that are out, oldest first.
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

// move with mu held puts p from its list into another.
func (g *Gate) move(p *Permit, to *permitList) {
	p.at.remove(p)
	to.push(p)
}

// out with mu held is the number of permits that are out, wherever.
func (g *Gate) out() int { return g.inside.n + g.away.n + g.abandoned.n }

// room with mu held: may one more newcomer come in?
func (g *Gate) room() bool {
	return g.roomBack() && g.inside.n < g.opts.Max && g.out() < g.opts.Total && g.threadFor(g.out()+1)
}

// threadFor with mu held: may n holders have a thread each?
func (g *Gate) threadFor(n int) bool { return g.opts.Threads == nil || g.opts.Threads(n) == nil }

// exhausted with mu held is why a newcomer would wait for ever: whoever has a thread has stepped out, to wait for
// something that may well be the newcomer, or is stuck.
func (g *Gate) exhausted() error {
	if g.opts.Threads == nil || g.inside.n > 0 || g.away.n == 0 || !g.back.empty() {
		return nil
	}
	if err := g.opts.Threads(g.out() + 1); err != nil {
		return fmt.Errorf("%d python calls wait for something else, and there is no thread for one more: %w", g.away.n, err)
	}
	return nil
}

// vacant with mu held: may a newcomer come in at once? Not while callers are on their way back from their jobs: who
// calls without a pause would keep them all waiting for the processor.
func (g *Gate) vacant() bool { return g.queue.empty() && g.room() && g.returning.Load() == 0 }

// roomBack with mu held: may one that stepped out come in again?
func (g *Gate) roomBack() bool { return g.fresh[0]+g.fresh[1] < g.quota }

// grant with mu held.
func (g *Gate) grant(label string) *Permit {
	p := permits.Get().(*Permit)
	p.gate, p.label, p.id = g, label, g.newID(p)
	g.count(p)
	return p
}

// newID with mu held. Permits are few, so a search is cheap.
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

func (g *Gate) count(p *Permit) {
	p.tick = g.tick
	g.fresh[0]++
	g.inside.push(p)
	g.entries++
	g.peak = max(g.peak, g.inside.n)
}

// discount with mu held: p no longer counts. One that left in time shows that calls are short.
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

// uncount with mu held says whether p has not overstayed.
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

// renew with mu held: p stays, for another job than before.
func (g *Gate) renew(p *Permit) {
	g.uncount(p)
	p.tick = g.tick
	g.fresh[0]++
}

// admit with mu held: grants while there is room, first to those who come back.
func (g *Gate) admit() {
	for !g.back.empty() && g.roomBack() {
		w := g.back.pop()
		g.comeBack(w.back)
		w.grant(w.back)
	}
	for !g.queue.empty() && g.room() {
		w := g.queue.pop()
		if w.batch != nil {
			g.start(w.batch)
		} else {
			w.grant(g.grant(w.label))
		}
	}
	g.refuseExhausted()
}

// refuseExhausted with mu held: those who came to wait while somebody was inside, who has stepped out since, wait for
// ever as well.
func (g *Gate) refuseExhausted() {
	if g.queue.empty() {
		return
	}
	if err := g.exhausted(); err != nil {
		g.refuseQueue(err)
	}
}

// Leave gives the permit back; p must not be used afterwards. Never blocks.
func (p *Permit) Leave() {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	g.discount(p)
	g.giveBack(p)
}

// giveBack with mu held: p, discounted already, ends here.
func (g *Gate) giveBack(p *Permit) {
	g.ids[p.id-1] = nil
	*p = Permit{}
	permits.Put(p)
	g.admit()
	g.signalDrained()
}

// StepOut gives the permit up for a while, because its holder is going to wait outside Python for
// something that may itself need to enter. Never blocks.
func (p *Permit) StepOut() {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	g.yield(p)
	g.discount(p)
	g.away.push(p)
	g.admit()
}

// comeBack with mu held.
func (g *Gate) comeBack(p *Permit) {
	g.away.remove(p)
	g.count(p)
}

// StepIn takes the permit back, before all newcomers: its holder's frames are on a Python stack, and
// only its return frees them. It blocks while fresh holders use up the quota, never for those who
// overstay, also while draining.
func (p *Permit) StepIn() {
	g := p.gate
	g.mu.Lock()
	if g.back.empty() && g.roomBack() {
		g.comeBack(p)
		g.mu.Unlock()
		return
	}
	w := g.enqueue(&g.back, g.newWaiter(p.what(), p))
	g.mu.Unlock()
	<-w.ready
	w.recycle()
}
