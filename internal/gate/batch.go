package gate

import (
	"sync"
	"sync/atomic"
)

// Crossing makes one way into Python of those of several jobs, which it runs one after the other, in the order in
// which they were added.
type Crossing interface {
	// Add takes one more job; false when it does not fit. It does not block.
	Add(Job) bool
	// Run runs each job whose turn it can take, and returns when they are over.
	Run(*Permit, *Claims)
	// Settle gives job i what came of it. It is called once for each job that has run, when it is over, by the
	// goroutine that wants to know.
	Settle(i int)
	// End is called when the crossing is not needed any more: once every caller has its outcome, which may be after
	// [Gate.Drain], that waits for who is inside and for nobody else. It must not need Python.
	End()
}

// Batchable is a Job that can share a crossing.
type Batchable interface {
	Job
	// Crossing gives one with the job as its first; nil when it had better run alone.
	Crossing() Crossing
}

func crossing(j Job) Crossing {
	if b, ok := j.(Batchable); ok {
		return b.Crossing()
	}
	return nil
}

// maxBatch is how many jobs may share a crossing: a dispatcher that comes back for the next ones may find that it has
// to wait for a processor.
const maxBatch = 1024

// batch is what a dispatcher runs in one go: jobs that share a crossing, or one job that runs alone. As long as it
// waits at the end of the queue others may join.
type batch struct {
	Claims
	place    waiter       // in the queue
	crossing Crossing     // nil for a job that runs alone
	users    atomic.Int32 // the queue or the dispatcher, and the callers

	// guarded by Gate.mu
	members []*waiter // no more are added once it runs
	over    int       // how many of members are over, as far as has been looked; no words but theirs are told
	seen    int       // the current one, when the clock last looked
	stalled int       // how often it was the same
	cleared bool      // nobody is behind the current one, or the first, any more
}

var batches = sync.Pool{New: func() any { return new(batch) }}

// newBatch makes a batch of w's job.
func (g *Gate) newBatch(w *waiter, crossing Crossing) *batch {
	b := batches.Get().(*batch)
	b.reset()
	b.place.batch = b
	b.crossing = crossing
	b.users.Store(1)
	b.add(w)
	return b
}

func (b *batch) add(w *waiter) {
	w.batch, w.index = b, len(b.members)
	b.members = append(b.members, w)
	b.words = append(b.words, toCome)
	b.users.Add(1)
}

// join with mu held: may w be one of b, which waits? At most so many may be.
func (b *batch) join(w *waiter, most int) bool {
	if b == nil || b.crossing == nil || len(b.members) >= most || !b.crossing.Add(w.job) {
		return false
	}
	b.add(w)
	return true
}

// free is called by each user, who does not look at b any more after that.
func (b *batch) free() {
	if b.users.Add(-1) > 0 {
		return
	}
	if b.crossing != nil {
		b.crossing.End()
	}
	clear(b.members)
	b.members, b.crossing, b.over, b.seen, b.stalled, b.cleared = b.members[:0], nil, 0, 0, 0, false
	batches.Put(b)
}

func (b *batch) run(p *Permit) {
	if b.crossing != nil {
		b.crossing.Run(p, &b.Claims)
	} else if b.Take(0) {
		b.members[0].job.Run(p)
	}
}

// label with mu held, of a batch that has not come back: that of the job which runs, or will.
func (b *batch) label() string {
	if i := b.now(); i >= 0 {
		return b.members[i].label
	}
	for i, w := range b.members {
		if b.is(i, toCome) {
			return w.label
		}
	}
	return ""
}

// waiting is the number of those whose turn is to come.
func (b *batch) waiting() (n int) {
	for i := range b.words {
		if b.is(i, toCome) {
			n++
		}
	}
	return n
}

// waitingInside is the same for a batch that has a permit, which is the first job's until that has begun.
func (b *batch) waitingInside() int {
	n := b.waiting()
	if b.now() < 0 && n > 0 {
		n--
	}
	return n
}

// stall is for how many ticks a job may hold up those behind it before it counts as one that blocks: its thread may be
// waiting for a processor. A job with nobody behind it blocks when it overstays.
const stall = 8

// goesOn with mu held is asked once in each tick: does b consist of short jobs? One that has not begun waits for the
// GIL, which more permits would not bring nearer.
func (b *batch) goesOn() bool {
	now := b.now()
	if now < 0 || now > b.seen {
		b.seen, b.stalled = now, 0
		return true
	}
	b.stalled++
	behind := !b.cleared && now+1 < len(b.members)
	return behind && b.stalled < stall
}

// withdraw with mu held takes w's turn away, unless it has come.
func (b *batch) withdraw(w *waiter) bool { return b.change(w.index, toCome, gone) }

// withdrawAll with mu held gives those whose turn has not come; where none has begun, all but the first.
func (b *batch) withdrawAll() (ws []*waiter) {
	if b.cleared {
		return nil
	}
	b.cleared = true
	keep := b.now() < 0
	for i, w := range b.members {
		if !b.is(i, toCome) {
			continue
		}
		if keep {
			keep = false
		} else if b.withdraw(w) {
			ws = append(ws, w)
		}
	}
	return ws
}

// refuse with mu held: b, which was queued, will not run.
func (b *batch) refuse(err error) {
	for i, w := range b.members {
		if b.is(i, toCome) && b.withdraw(w) {
			w.refuse(err)
			b.free()
		}
	}
	b.free()
}

// finish with mu held: the first n are over. It gives those of whom that was not known, and how many of them there
// are to tell.
func (b *batch) finish(n int) (s span, callers int) {
	s = span{b.over, max(n, b.over)}
	b.over = s.to
	for i := s.from; i < s.to; i++ {
		switch {
		case b.change(i, begun, notified):
			callers++
		case b.is(i, left):
			w := b.members[i]
			b.settle(w)
			w.job.Drop()
			w.recycle()
			b.free()
		}
	}
	return s, callers
}

// span is some of a batch's members, one behind the other.
type span struct{ from, to int }

// notify wakes one caller of s, whose job is over, and who wakes the others. Waking often means waking an OS thread, and always
// memory that is in another processor's cache, while Python may be waiting for whoever does it.
func (b *batch) notify(s span) {
	for s.from < s.to && !b.is(s.from, notified) {
		s.from++
	}
	if s.from < s.to {
		w := b.members[s.from]
		w.others = span{s.from + 1, s.to}
		w.ready <- struct{}{}
	}
}

// notified is called by a caller that was woken: it wakes its half of the others.
func (b *batch) notified(w *waiter) {
	middle := (w.others.from + w.others.to + 1) / 2
	b.notify(span{w.others.from, middle})
	b.notify(span{middle, w.others.to})
	b.settle(w)
}

func (b *batch) settle(w *waiter) {
	if b.crossing != nil {
		b.crossing.Settle(w.index)
	}
}
