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
	// Leave is called when it has. False means that Run is over, or all but: the caller waits.
	Leave() bool
}

// ErrLeft is what [Gate.Do] gives a caller that left its job behind.
var ErrLeft = errors.New("the job did not end in time and runs on")

// Do runs job under a permit: on the calling goroutine when ctx cannot end and there is room, else, in
// its turn, on a carrier, a goroutine that goes from job to job while any wait. Handing the permit from
// caller to caller instead would cost a goroutine switch in every call, with Python idle meanwhile, and
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
	room := g.queue.empty() && g.room()
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
		p := g.grant(label)
		g.mu.Unlock()
		go g.carry(p, w)
		return g.await(ctx, w)
	}
	g.enqueue(&g.queue, w)
	g.mu.Unlock()
	return g.await(ctx, w)
}

// await waits for the job to be done, or for as long as the job says once ctx has ended.
func (g *Gate) await(ctx context.Context, w *waiter) error {
	select {
	case <-w.ready:
	case <-ctx.Done():
		g.mu.Lock()
		removed := g.queue.remove(w)
		g.mu.Unlock()
		if removed {
			w.recycle()
			return waitError(ctx)
		}
		select {
		case <-w.ready:
		case <-w.job.Interrupt():
			if w.job.Leave() {
				return ErrLeft // and the carrier keeps the waiter
			}
			<-w.ready
		}
	}
	_, err := w.result()
	return err
}
