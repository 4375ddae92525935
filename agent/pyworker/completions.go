package pyworker

import (
	"context"
	"slices"
	"sync"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/interrupt"
	"github.com/gopyrpc/gopyrpc/internal/pyname"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// Who waits for an outcome may bring others', and must not be interrupted in the middle of that: theirs would never come.
func init() {
	interrupt.Mask(pyname.Frames+"_rpc/client.py", "settle", "_has_rrefs")
	interrupt.Mask(pyname.Frames+"_rpc/calls.py", "take_back")
	interrupt.Mask(pyname.Frames+"_rpc/future.py", "_deliver", "_set", "_become", "set")
}

// completions brings the outcomes of asynchronous calls to Python, as many at once as have come: by who waits for one
// of them, and enters Python then anyway, or else on a goroutine.
type completions struct {
	worker *Worker

	mu sync.Mutex
	// guarded by mu
	calls   map[int64]*agent.Future // by ticket, while their outcomes are to come; nil before it is known
	waiters map[int64][]*waiter     // by ticket, likewise
	coming  int                     // waiters whose outcome has come, and who have not taken it yet
	queue   []completion
	running bool
}

type completion struct {
	ticket int64
	reply  agent.Reply
	from   answerer
	err    error
	over   func() // for when it is in Python, and its callbacks have run
}

// waiter is somebody who waits for an outcome.
type waiter struct{ told bool }

// announce is for a call that is about to be made, before add can come for it.
func (c *completions) announce(ticket int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[ticket] = nil
}

// expect is for the call when it has been made, and may be over.
func (c *completions) expect(ticket int64, call *agent.Future) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, announced := c.calls[ticket]; announced {
		c.calls[ticket] = call
	}
}

// add takes an outcome in. It does not wait.
func (c *completions) add(done completion) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, done)
	for _, w := range c.waiters[done.ticket] {
		w.told = true
		c.coming++
	}
	delete(c.calls, done.ticket)
	delete(c.waiters, done.ticket)
	if c.coming == 0 && !c.running {
		c.running = true
		go c.drain()
	}
}

// await waits for the outcome of a call, or the end of ctx, and gives what there is for Python then. That of the call
// need not be among it: somebody else may be bringing it.
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
	if !w.told {
		c.waiters[ticket] = slices.DeleteFunc(c.waiters[ticket], func(other *waiter) bool { return other == w })
		return nil
	}
	c.coming--
	return c.take()
}

// take with mu held.
func (c *completions) take() []completion {
	batch := c.queue
	c.queue = nil
	return batch
}

func (c *completions) drain() {
	w := c.worker
	for {
		c.mu.Lock()
		batch := c.take()
		if len(batch) == 0 {
			c.running = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		w.settlementOf(batch).bring()
	}
}

// settlement is outcomes in the form in which Python takes them.
type settlement struct {
	worker   *Worker
	outcomes []any
	over     map[int64]func()
	releases []func()
}

// settlementOf enters Python only for tensors, and for replies that are held to a list. What it gives is to be ended.
func (w *Worker) settlementOf(batch []completion) *settlement {
	s := &settlement{worker: w, outcomes: make([]any, len(batch)), over: make(map[int64]func(), len(batch))}
	for i, done := range batch {
		s.over[done.ticket] = done.over
		value, err := any(nil), done.err
		if err == nil {
			value, err = w.reply(w.ctx, done.reply, done.from)
		}
		if err != nil {
			value = failed(err)
		}
		switch given := value.(type) {
		case pybridge.Given:
			value, s.releases = given.Value, append(s.releases, given.Release)
		case pybridge.Memory: // which a Future could keep from its owner for ever
			value, s.releases = given.Data, append(s.releases, given.Release)
		}
		s.outcomes[i] = pybridge.Tuple{done.ticket, value}
	}
	return s
}

// bring enters Python to deliver.
func (s *settlement) bring() {
	defer s.end()
	// What fails does so because Python is closed: nobody waits there.
	_ = s.worker.inside(context.WithoutCancel(s.worker.ctx), s.deliver)
}

// deliver gives the outcomes to Python, and has who waits for them, and their callbacks, go on.
func (s *settlement) deliver(t gil.Token) error {
	w := s.worker
	defer s.release() // while the GIL is held, so that nobody else has to take it for this
	result, err := w.python.settle.Call(t, s.outcomes)
	if err != nil {
		return err
	}
	defer result.Release()
	both, err := pybridge.As[[][]int64](t, result)
	if err != nil || len(both) != 2 {
		return err
	}
	busy, awake := both[0], both[1]
	for _, n := range awake {
		close(w.events.find(n))
	}
	for _, ticket := range busy {
		over := s.over[ticket]
		delete(s.over, ticket)
		go func() {
			defer over()
			w.runCallbacks(ticket)
		}()
	}
	return nil
}

func (s *settlement) release() {
	for _, f := range s.releases {
		f()
	}
}

// end is for when all is done, or has failed.
func (s *settlement) end() {
	s.release()
	for _, over := range s.over {
		over()
	}
}

// runCallbacks is on a goroutine of its own, as callbacks may wait.
func (w *Worker) runCallbacks(ticket int64) {
	ctx := gil.WithLabel(context.WithoutCancel(w.ctx), "callbacks of a call")
	_ = gil.With(ctx, func(t gil.Token) error { return discard(w.python.runCallbacks.Call(t, ticket)) })
}
