package batch

import (
	"slices"

	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// Enter gives b a dispatcher.
func (b *batch) Enter(l gate.Locked) {
	p := l.Grant("", b)
	b.begin(l)
	go b.queue.dispatch(p, b)
}

// dispatch runs b and then the batches behind it, until the queue or the room for them ends.
func (q *Queue) dispatch(p *gate.Permit, b *batch) {
	for b != nil {
		b.run(p)
		next, done := q.next(p, b)
		b.notify(done)
		b.release()
		b = next
	}
}

// next passes p on from b to the batch at the head of the queue; it returns nil where there is none, and p must not be used
// any more. The callers that are done are notified after that, and find nothing of their own inside.
func (q *Queue) next(p *gate.Permit, b *batch) (next *batch, done span) {
	l := q.gate.LockSoon()
	defer l.Unlock()
	done = b.finishAndLetGo(l, len(b.members))
	next, _ = l.PassOn(p, batchOf).(*batch)
	if next != nil {
		next.begin(l)
	}
	return next, done
}

func batchOf(e gate.Entrant) (gate.Holder, bool) {
	b, ok := e.(*batch)
	return b, ok
}

// finishAndLetGo is finish, and has newcomers wait for the callers to return.
func (b *batch) finishAndLetGo(l gate.Locked, n int) span {
	s, callers := b.finish(n)
	l.LetGo(callers)
	return s
}

// maxWhileBlocking is how many jobs may share a batch while callers overstay. Each needs a permit of its own then, and the
// jobs behind one that turns out to block have to be moved.
const maxWhileBlocking = 16

// most is how many jobs may share a batch at present.
func most(l gate.Locked) int {
	if l.IsBlocking() {
		return maxWhileBlocking
	}
	return maxBatch
}

// begin is for a batch that has just got its permit: while callers overstay the permit is its first job's alone.
func (b *batch) begin(l gate.Locked) {
	if l.IsBlocking() {
		b.requeue(l)
	}
}

// Tick notifies the callers whose jobs are done.
func (b *batch) Tick(l gate.Locked) (goesOn bool) {
	b.notify(b.finishAndLetGo(l, b.now()))
	return b.goesOn()
}

// Yield notifies the callers of the jobs before the current one, and queues the jobs behind it again, ahead of all others.
func (b *batch) Yield(l gate.Locked) {
	done := b.finishAndLetGo(l, b.now())
	b.requeue(l)
	b.notify(done)
}

// requeue takes the jobs that have not begun out of b.
func (b *batch) requeue(l gate.Locked) {
	var again []*batch
	for _, c := range b.withdrawAll() {
		switch last := len(again) - 1; {
		case !l.Running():
			c.refuse(gate.ErrClosed)
		case last >= 0 && again[last].join(c, most(l)):
		default:
			again = append(again, b.queue.newBatch(c, runnerOf(c.job)))
		}
		b.release()
	}
	for _, next := range slices.Backward(again) {
		l.PushFront(&next.place)
	}
}

// minToHelp is how many jobs must be done for a caller that comes to wait to notify their callers: their dispatcher would
// have to come back for it, and callers that call again keep each other going on the processors that they have.
const minToHelp = 16

// doneMeanwhile returns the callers that the present one should notify, in the batch of the newest permit. The batch is nil
// where there are none, and else is to be released.
func (q *Queue) doneMeanwhile(l gate.Locked) (*batch, span) {
	b, ok := l.Newest().(*batch)
	if !ok || b.now()-b.done < minToHelp {
		return nil, span{}
	}
	b.users.Add(1)
	return b, b.finishAndLetGo(l, b.now())
}
