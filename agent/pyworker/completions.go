package pyworker

import (
	"context"
	"slices"
	"sync"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// completions delivers the outcomes of asynchronous calls to Python, as many in one entry as have come. A thread that
// waits for one of them, and so enters Python anyway, delivers them; where none waits, a goroutine does.
type completions struct {
	worker *Worker

	mu sync.Mutex
	// guarded by mu
	calls   map[int64]*agent.Future // by ticket, until the outcome is there; nil between announce and expect
	waiters map[int64][]*waiter     // by ticket, until the outcome is there
	coming  int                     // waiters that were notified, and have not taken their outcome yet
	queue   []completion
	running bool

	unread unread
}

type completion struct {
	ticket int64
	reply  agent.Reply
	from   answerer
	err    error
	done   func() // called when the outcome is delivered, and its callbacks have run
}

// waiter is a thread that waits for an outcome.
type waiter struct{ notified bool }

// announce enters a call that is about to be made. It comes before add for that call.
func (c *completions) announce(ticket int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[ticket] = nil
}

// expect notes the Future of a call that has been made. The call may have its outcome by then.
func (c *completions) expect(ticket int64, call *agent.Future) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, announced := c.calls[ticket]; announced {
		c.calls[ticket] = call
	}
}

// add queues an outcome for delivery, and notifies its waiters. It does not block.
func (c *completions) add(outcome completion) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, outcome)
	for _, w := range c.waiters[outcome.ticket] {
		w.notified = true
		c.coming++
	}
	delete(c.calls, outcome.ticket)
	delete(c.waiters, outcome.ticket)
	if c.coming == 0 && !c.running {
		c.running = true
		go c.drain()
	}
}

// await waits for the outcome of a call, or for the end of ctx. It returns the outcomes that the waiter is to deliver.
// The awaited outcome need not be among them: another thread may be delivering it.
func (c *completions) await(ctx context.Context, ticket int64) []completion {
	c.mu.Lock()
	defer c.mu.Unlock()
	call := c.calls[ticket]
	if call == nil {
		return nil
	}
	w := new(waiter)
	c.waiters[ticket] = append(c.waiters[ticket], w)
	c.mu.Unlock()
	_, _ = call.Wait(ctx)
	c.mu.Lock()
	if !w.notified {
		c.waiters[ticket] = slices.DeleteFunc(c.waiters[ticket], func(other *waiter) bool { return other == w })
		return nil
	}
	c.coming--
	return c.takeLocked()
}

// takeLocked empties the queue. The caller must hold mu.
func (c *completions) takeLocked() []completion {
	batch := c.queue
	c.queue = nil
	return batch
}

// drain delivers outcomes until the queue is empty.
func (c *completions) drain() {
	w := c.worker
	for {
		c.mu.Lock()
		batch := c.takeLocked()
		if len(batch) == 0 {
			c.running = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		w.deliveryOf(batch).run()
	}
}

// delivery is a batch of outcomes in the form in which Python takes them.
type delivery struct {
	worker   *Worker
	outcomes []any
	done     map[int64]func() // by ticket; the callbacks of a completion
	releases []func()
}

// deliveryOf prepares a delivery, which the caller must end. It enters Python only for tensors, and for the replies of
// restricted workers.
func (w *Worker) deliveryOf(batch []completion) *delivery {
	d := &delivery{worker: w, outcomes: make([]any, len(batch)), done: make(map[int64]func(), len(batch))}
	for i, c := range batch {
		d.done[c.ticket] = c.done
		value, err := any(nil), c.err
		if err == nil {
			value, err = w.reply(w.ctx, c.reply, c.from)
		}
		if err != nil {
			value = failed(err)
		}
		switch given := value.(type) {
		case pybridge.Given:
			value, d.releases = given.Value, append(d.releases, given.Release)
		case pybridge.Memory: // Python copies it: a Future that nobody reads would keep the agent's memory for ever
			value, d.releases = given.Data, append(d.releases, given.Release)
		}
		d.outcomes[i] = pybridge.Tuple{c.ticket, value}
	}
	return d
}

// run enters Python and delivers.
func (d *delivery) run() {
	defer d.end()
	// It fails only where Python is closed, and nothing waits there then.
	_ = d.worker.inside(context.WithoutCancel(d.worker.ctx), d.deliver)
}

// deliver passes the outcomes to Python, wakes the threads that wait for them, and starts their callbacks.
func (d *delivery) deliver(t gil.Token) error {
	w := d.worker
	defer d.release() // while the GIL is held, which saves another entry for it
	result, err := w.python.settle.Call(t, d.outcomes)
	if err != nil {
		return err
	}
	defer result.Release()
	lists, err := pybridge.As[[][]int64](t, result)
	if err != nil || len(lists) != 3 {
		return err
	}
	busy, unread, awake := lists[0], lists[1], lists[2]
	for _, n := range awake {
		w.events.set(n)
	}
	for _, ticket := range busy {
		tickets, done := []int64{ticket}, []func(){d.take(ticket)}
		go w.goOn("callbacks of a call", func() ([]int64, []func()) { return tickets, done }) // on its own, since callbacks may wait
	}
	for _, ticket := range unread {
		w.completions.unread.add(w, ticket, d.take(ticket))
	}
	return nil
}

// take returns the callback of a completion, which end does not call then.
func (d *delivery) take(ticket int64) (done func()) {
	done = d.done[ticket]
	delete(d.done, ticket)
	return done
}

func (d *delivery) release() {
	for _, f := range d.releases {
		f()
	}
}

// end completes a delivery that was made or has failed.
func (d *delivery) end() {
	d.release()
	for _, done := range d.done {
		done()
	}
}
