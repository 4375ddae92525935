package pybridge

import (
	"context"
	"runtime"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/panics"
)

// owner is the goroutine, locked to its OS thread, that starts the interpreter, imports what must be
// imported there, and alone may finalise it: Py_FinalizeEx on another thread hangs for ever on 3.9 to
// 3.12. It runs no user function besides module code.
type owner struct {
	tasks chan func()
	quit  chan struct{} // closed by stop
	done  chan struct{} // closed when run returns
}

func newOwner() *owner {
	o := &owner{tasks: make(chan func()), quit: make(chan struct{}), done: make(chan struct{})}
	go o.run()
	return o
}

func (o *owner) run() {
	defer close(o.done)
	runtime.LockOSThread()
	// The thread stays Python's main thread; it must outlive this goroutine, so it is not left locked.
	defer runtime.UnlockOSThread()
	o.work()
}

// work survives a task that ends its goroutine (runtime.Goexit): Python's main thread cannot be
// replaced, and deferred functions still run on it.
func (o *owner) work() {
	over := false
	defer func() {
		if !over {
			o.work()
		}
	}()
	for {
		select {
		case task := <-o.tasks:
			task()
		case <-o.quit:
			over = true
			return
		}
	}
}

// stop ends the goroutine after the task that it is at. Once.
func (o *owner) stop() { close(o.quit) }

// do runs f on the owner's thread. When ctx ends first, f may still be running there. A panic of f
// becomes an error, and so does runtime.Goexit.
func (o *owner) do(ctx context.Context, f func() error) error {
	result := make(chan error, 1)
	select {
	case o.tasks <- func() { panics.Catch(f, func(e panics.End) { result <- ended(e) }) }:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-o.done:
		return ErrClosed
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// with runs f on the owner's thread with the GIL held. It passes the gate by: the owner works when no call may enter, before
// the start is complete and after the drain.
func (o *owner) with(ctx context.Context, f func(gil.Token) error) error {
	return o.do(ctx, func() error {
		if err := cpython.Attach(0); err != nil {
			return closedError(err)
		}
		defer func() { _ = cpython.Detach() }()
		t, err := gil.Assume(ctx)
		if err != nil {
			return err
		}
		return f(t)
	})
}
