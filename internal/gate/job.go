package gate

import (
	"context"
	"errors"
	"time"
)

// Job is work that needs a permit and nothing else of the goroutine that it runs on.
type Job interface {
	Run(p *Permit)
	// Interrupt is called, on the goroutine of [Gate.Do], when the caller's context ends while the job
	// runs, or is about to. The channel says when the caller has waited long enough for Run to return.
	Interrupt() (patience <-chan time.Time)
	// Drop is called when the job is over and its caller has left it behind: nobody wants what came of it.
	Drop()
}

// ErrLeft is what [Gate.Do] gives a caller that left its job behind.
var ErrLeft = errors.New("the job did not end in time and runs on")

// Do runs job under a permit: on the calling goroutine when ctx cannot end and there is room, else, in
// its turn, on a dispatcher, a goroutine that goes from batch to batch of jobs while any wait. Handing the permit
// from caller to caller instead would cost a goroutine switch in every call, with Python idle meanwhile, and
// would move Python's working set from core to core. The error is that of [Gate.Enter], and then the
// job has not run, or ErrLeft.
func (g *Gate) Do(ctx context.Context, label string, job Job) error {
	if ctx.Err() != nil {
		return waitError(ctx)
	}
	g.mu.Lock()
	if g.state != Running {
		defer g.mu.Unlock()
		return g.refusal()
	}
	room := g.vacant()
	if !room {
		if err := g.exhausted(); err != nil {
			g.mu.Unlock()
			return err
		}
	}
	if room && ctx.Done() == nil {
		p := g.grant(label)
		g.mu.Unlock()
		job.Run(p)
		p.Leave()
		return nil
	}
	w := g.newWaiter(label, nil)
	w.job = job
	if room {
		g.start(g.newBatch(w, nil))
		g.mu.Unlock()
	} else {
		g.line(w)
		b, over := g.finishedMeanwhile()
		g.mu.Unlock()
		if b != nil {
			b.notify(over)
			b.free()
		}
	}
	return g.await(ctx, w)
}

// start with mu held.
func (g *Gate) start(b *batch) {
	p := g.grant("")
	g.assign(p, b)
	go g.dispatch(p, b)
}

// minWhileReturning is how many jobs are worth a crossing while callers are on their way who may bring more.
const minWhileReturning = 16

// line with mu held puts w into the queue: into the batch at its end, or one of its own.
func (g *Gate) line(w *waiter) {
	g.waits.Add(1)
	g.startTicking()
	if g.queue.last == nil || !g.queue.last.batch.join(w, g.most()) {
		g.queue.push(&g.newBatch(w, crossing(w.job)).place)
	}
	if g.returning.Load() == 0 || len(w.batch.members) >= minWhileReturning {
		g.admit() // else who comes back last does, or the clock
	}
}

// await waits for the job to be over, or for as long as the job says once ctx has ended.
func (g *Gate) await(ctx context.Context, w *waiter) error {
	if ctx.Done() != nil {
		return g.awaitOrLeave(ctx, w)
	}
	<-w.ready
	return g.outcome(w)
}

func (g *Gate) awaitOrLeave(ctx context.Context, w *waiter) error {
	select {
	case <-w.ready:
	case <-ctx.Done():
		if g.withdraw(w) {
			return waitError(ctx)
		}
		select {
		case <-w.ready:
		case <-w.job.Interrupt():
			if g.leave(w) {
				return ErrLeft // and the batch keeps the waiter
			}
			<-w.ready
		}
	}
	return g.outcome(w)
}

// withdraw takes w, whose context has ended, out of the queue, unless its turn has come.
func (g *Gate) withdraw(w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := w.batch
	if b == nil || !b.withdraw(w) {
		return false
	}
	if b.waiting() == 0 && g.queue.remove(&b.place) {
		b.free()
	}
	b.free()
	w.recycle()
	return true
}

// leave leaves w's job behind, unless it is over.
func (g *Gate) leave(w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return w.batch != nil && w.batch.change(w.index, begun, left)
}

// outcome is that of w, whose ready has been received from.
func (g *Gate) outcome(w *waiter) error {
	if w.batch != nil {
		w.batch.notified(w)
		w.batch.free()
		g.isBack()
	}
	_, err := w.result()
	return err
}

// isBack is for each caller that was told. The last one lets those in who have come in the meantime.
func (g *Gate) isBack() {
	if g.returning.Add(-1) > 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.admit()
}
