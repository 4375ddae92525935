package pyworker

import (
	"context"
	"sync"
	"time"

	"github.com/gopyrpc/gopyrpc/gil"
)

// unread are the calls whose replies Python has, and are to be read even if no thread of Python's asks for them: torch's C++ may
// wait for them (gopyrpc/_rpc/torch_future.py). What asks in Python most often does so at once. So they are read a
// little later, all that have come by then in one entry: to read each when it comes took a third of the calls per second of
// a program that has 32 calls on their way.
type unread struct {
	mu sync.Mutex
	// guarded by mu
	tickets []int64
	done    []func()
}

// readAfter is how much later replies are read.
const readAfter = 2 * time.Millisecond

// add has the reply to a call read. It calls done then.
func (u *unread) add(w *Worker, ticket int64, done func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.tickets) == 0 {
		time.AfterFunc(readAfter, func() { w.goOn("reading of replies", u.take) })
	}
	u.tickets, u.done = append(u.tickets, ticket), append(u.done, done)
}

func (u *unread) take() (tickets []int64, done []func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	tickets, done = u.tickets, u.done
	u.tickets, u.done = nil, nil
	return tickets, done
}

// goOn does what Python has left to be done for some calls.
func (w *Worker) goOn(label string, take func() (tickets []int64, done []func())) {
	ctx := gil.WithLabel(context.WithoutCancel(w.ctx), label)
	var done []func()
	_ = gil.With(ctx, func(t gil.Token) error {
		var tickets []int64
		tickets, done = take()
		return discard(w.python.goOn.Call(t, tickets))
	})
	if done == nil { // Python is closed
		_, done = take()
	}
	for _, f := range done {
		f()
	}
}
