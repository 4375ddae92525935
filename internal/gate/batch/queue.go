package batch

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// Job is work that needs a permit and nothing else of the goroutine that it runs on.
type Job interface {
	Run(p *gate.Permit)
	// Interrupt is called, on the goroutine of [Queue.Do], when the caller's context ends while the job
	// runs, or is about to. The channel says when the caller has waited long enough for Run to return.
	Interrupt() (patience <-chan time.Time)
	// Drop is called when the job is done and its caller has left it behind: nobody wants what came of it.
	Drop()
}

// ErrLeft is what [Queue.Do] returns to a caller that left its job behind.
var ErrLeft = errors.New("the job did not end in time and runs on")

// Queue has jobs done under the permits of a gate.
type Queue struct {
	gate    *gate.Gate
	callers sync.Pool // of *caller
}

// New makes the Queue of a gate, which has one at most.
func New(g *gate.Gate) *Queue { return &Queue{gate: g} }

// Do runs job under a permit: on the calling goroutine where ctx cannot end and there is room, else on a dispatcher, in its
// turn. The error is one of those of [gate.Gate.Enter], and then the job has not run; or ErrLeft.
func (q *Queue) Do(ctx context.Context, label string, job Job) error {
	if ctx.Err() != nil {
		return gate.WaitError(ctx)
	}
	l := q.gate.Lock()
	room, err := l.Room()
	if err != nil {
		l.Unlock()
		return err
	}
	if room && ctx.Done() == nil {
		p := l.Grant(label, nil)
		l.Unlock()
		job.Run(p)
		p.Leave()
		return nil
	}
	c := q.newCaller(label, job)
	if room {
		q.newBatch(c, nil).Enter(l)
		l.Unlock()
	} else {
		q.line(l, c)
		b, done := q.doneMeanwhile(l)
		l.Unlock()
		if b != nil {
			b.notify(done)
			b.release()
		}
	}
	return c.await(ctx)
}

// minWhileReturning is how many jobs are worth a batch while callers are returning that may bring more.
const minWhileReturning = 16

// line puts c into the queue: into the batch at the end of it, or a batch of c's own.
func (q *Queue) line(l gate.Locked, c *caller) {
	l.NoteWait()
	if last, ok := l.Last().(*batch); !ok || !last.join(c, most(l)) {
		l.Push(&q.newBatch(c, runnerOf(c.job)).place)
	}
	if !l.AreReturning() || len(c.batch.members) >= minWhileReturning {
		l.Admit() // else the caller that returns last does, or the clock
	}
}

// caller waits for its job to be done. Callers are used again: under contention every call needs one.
type caller struct {
	queue  *Queue
	label  string
	job    Job
	batch  *batch        // that the job is in, nil once the job is refused
	index  int           // of the job, in batch
	others span          // of batch: the callers that this one is to notify when it is notified
	ready  chan struct{} // receives once the job is done, or refused
	err    error         // why the job is refused
}

func (q *Queue) newCaller(label string, job Job) *caller {
	c, ok := q.callers.Get().(*caller)
	if !ok {
		c = &caller{ready: make(chan struct{}, 1)}
	}
	c.queue, c.label, c.job = q, label, job
	return c
}

// put puts a caller back into its pool that is in no batch and whose ready is empty.
func (c *caller) put() {
	q := c.queue
	*c = caller{ready: c.ready}
	q.callers.Put(c)
}

func (c *caller) refuse(err error) {
	c.batch = nil
	c.err = err
	c.ready <- struct{}{}
}

// await waits until the job is done, or, once ctx has ended, for as long as the job says.
func (c *caller) await(ctx context.Context) error {
	if ctx.Done() != nil {
		return c.awaitOrLeave(ctx)
	}
	<-c.ready
	return c.outcome()
}

func (c *caller) awaitOrLeave(ctx context.Context) error {
	select {
	case <-c.ready:
	case <-ctx.Done():
		if c.withdraw() {
			return gate.WaitError(ctx)
		}
		select {
		case <-c.ready:
		case <-c.job.Interrupt():
			if c.leave() {
				return ErrLeft // and the batch keeps c
			}
			<-c.ready
		}
	}
	return c.outcome()
}

// withdraw takes the job out of the queue, unless it has begun. c must not be used after that.
func (c *caller) withdraw() bool {
	l := c.queue.gate.Lock()
	defer l.Unlock()
	b := c.batch
	if b == nil || !b.withdraw(c.index) {
		return false
	}
	if b.Waiting() == 0 && l.Remove(&b.place) {
		b.release()
	}
	b.release()
	c.put()
	return true
}

// leave leaves the job behind, unless it is done.
func (c *caller) leave() bool {
	l := c.queue.gate.Lock()
	defer l.Unlock()
	return c.batch != nil && c.batch.change(c.index, running, abandoned)
}

// outcome is for a caller that has received from ready. It passes the notification on. c must not be used after that.
func (c *caller) outcome() error {
	if b := c.batch; b != nil {
		b.notified(c)
		b.release()
		c.queue.gate.Returned()
	}
	err := c.err
	c.put()
	return err
}
