package batch

import (
	"sync"
	"sync/atomic"

	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// Runner makes one way into Python of those of several jobs, which it runs one after the other, in the order in
// which they were added.
type Runner interface {
	// Add takes one more job, and returns false where the job does not fit. It does not block.
	Add(Job) bool
	// Run runs each job that it can claim, and returns when they are done.
	Run(*gate.Permit, *Claims)
	// Settle gives job i what came of it. It is called once for each job that has run, when the job is done, by the
	// goroutine that wants to know.
	Settle(i int)
	// Free is called when the Runner is not needed any more: once every caller has its outcome. That may be after
	// [gate.Gate.Drain], which waits for the permits and for nobody else, so Free must not need Python.
	Free()
}

// Batchable is a Job that can share a batch.
type Batchable interface {
	Job
	// Runner returns one that has the job as its first; nil where the job had better run alone.
	Runner() Runner
}

func runnerOf(j Job) Runner {
	if b, ok := j.(Batchable); ok {
		return b.Runner()
	}
	return nil
}

// maxBatch is how many jobs may share a batch: a dispatcher that comes back for the next jobs may find that it has
// to wait for a processor.
const maxBatch = 1024

// batch is what a dispatcher runs in one go: jobs that share a Runner, or one job that runs alone. While it waits at the
// end of the queue, as a gate.Entrant, others may join. Inside it is a gate.Holder.
type batch struct {
	Claims
	queue  *Queue
	place  gate.Place
	runner Runner       // nil for a job that runs alone
	users  atomic.Int32 // the queue or the dispatcher, and the callers

	// guarded by the gate's lock
	members []*caller // no more are added once the batch runs
	done    int       // the number of members that are known to be done; the words of no others become notified
	seen    int       // the current one, at the last tick
	stalled int       // for how many ticks the current one has been the same
	cleared bool      // nobody is behind the current one, or the first, any more
}

var batches = sync.Pool{New: func() any { return new(batch) }}

// newBatch makes a batch of c's job.
func (q *Queue) newBatch(c *caller, r Runner) *batch {
	b := batches.Get().(*batch)
	b.reset()
	b.queue, b.runner = q, r
	b.place.Entrant = b
	b.users.Store(1)
	b.add(c)
	return b
}

func (b *batch) add(c *caller) {
	c.batch, c.index = b, len(b.members)
	b.members = append(b.members, c)
	b.words = append(b.words, waiting)
	b.users.Add(1)
}

// join adds c's job to b, which is in the queue and is to have so many members at most. It returns false where c cannot
// join. The caller must hold the gate's lock.
func (b *batch) join(c *caller, most int) bool {
	if b.runner == nil || len(b.members) >= most || !b.runner.Add(c.job) {
		return false
	}
	b.add(c)
	return true
}

// release is called by each user, which must not look at b after that.
func (b *batch) release() {
	if b.users.Add(-1) > 0 {
		return
	}
	if b.runner != nil {
		b.runner.Free()
	}
	clear(b.members)
	b.members, b.queue, b.runner, b.done, b.seen, b.stalled, b.cleared = b.members[:0], nil, nil, 0, 0, 0, false
	batches.Put(b)
}

func (b *batch) run(p *gate.Permit) {
	if b.runner != nil {
		b.runner.Run(p, &b.Claims)
	} else if b.Take(0) {
		b.members[0].job.Run(p)
	}
}

// Label is that of the job that runs, or will run next.
func (b *batch) Label() string {
	if i := b.now(); i >= 0 {
		return b.members[i].label
	}
	for i, c := range b.members {
		if b.is(i, waiting) {
			return c.label
		}
	}
	return ""
}

// Waiting is the number of callers whose jobs have not begun.
func (b *batch) Waiting() (n int) {
	for i := range b.words {
		if b.is(i, waiting) {
			n++
		}
	}
	return n
}

// WaitingBehind leaves out the first job, whose the permit is, until that has begun.
func (b *batch) WaitingBehind() int {
	n := b.Waiting()
	if b.now() < 0 && n > 0 {
		n--
	}
	return n
}

// NeedsTicks is true where a caller may be waiting for others' jobs.
func (b *batch) NeedsTicks() bool { return len(b.members) > 1 }

// maxStalled is for how many ticks a job may hold up those behind it before it counts as one that blocks: its thread may be
// waiting for a processor. A job with nobody behind it blocks when it overstays.
const maxStalled = 8

// goesOn is asked once in each tick: does b consist of short jobs? A job that has not begun waits for the GIL, which more
// permits would not bring nearer. The caller must hold the gate's lock.
func (b *batch) goesOn() bool {
	now := b.now()
	if now < 0 || now > b.seen {
		b.seen, b.stalled = now, 0
		return true
	}
	b.stalled++
	behind := !b.cleared && now+1 < len(b.members)
	return behind && b.stalled < maxStalled
}

// withdraw keeps job i from beginning, and returns false where it has begun, or was withdrawn before: its caller may be in
// another batch by then, at another index. The caller must hold the gate's lock.
func (b *batch) withdraw(i int) bool { return b.change(i, waiting, withdrawn) }

// withdrawAll withdraws the jobs that have not begun, and returns their callers; where none has begun, the first job stays.
// The caller must hold the gate's lock.
func (b *batch) withdrawAll() (callers []*caller) {
	if b.cleared {
		return nil
	}
	b.cleared = true
	keep := b.now() < 0
	for i, c := range b.members {
		if !b.is(i, waiting) {
			continue
		}
		if keep {
			keep = false
		} else if b.withdraw(i) {
			callers = append(callers, c)
		}
	}
	return callers
}

// Refuse gives err to the callers: b, which was queued, will not run.
func (b *batch) Refuse(_ gate.Locked, err error) {
	for i, c := range b.members {
		if b.withdraw(i) {
			c.refuse(err)
			b.release()
		}
	}
	b.release()
}

// finish notes that the first n jobs are done. It returns those of which that was not known, and how many callers of them
// are to be notified. The caller must hold the gate's lock.
func (b *batch) finish(n int) (s span, callers int) {
	s = span{b.done, max(n, b.done)}
	b.done = s.to
	for i := s.from; i < s.to; i++ {
		switch {
		case b.change(i, running, notified):
			callers++
		case b.is(i, abandoned):
			c := b.members[i]
			b.settle(c)
			c.job.Drop()
			c.put()
			b.release()
		}
	}
	return s, callers
}

// span is some of a batch's members, one behind the other.
type span struct{ from, to int }

// notify wakes one caller of s, which wakes the others.
func (b *batch) notify(s span) {
	for s.from < s.to && !b.is(s.from, notified) {
		s.from++
	}
	if s.from < s.to {
		c := b.members[s.from]
		c.others = span{s.from + 1, s.to}
		c.ready <- struct{}{}
	}
}

// notified is called by a caller that was woken: it wakes one caller of each half of the others.
func (b *batch) notified(c *caller) {
	middle := (c.others.from + c.others.to + 1) / 2
	b.notify(span{c.others.from, middle})
	b.notify(span{middle, c.others.to})
	b.settle(c)
}

func (b *batch) settle(c *caller) {
	if b.runner != nil {
		b.runner.Settle(c.index)
	}
}
