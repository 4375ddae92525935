package pyworker

import (
	"context"
	"errors"
	"time"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/panics"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// Where Python is the host, its main thread calls the handlers of signals, between instructions. While it waits in Go it
// executes none. So what waits there looks for signals ten times a second, and ends with what a handler raised: Ctrl-C ends
// init_rpc, rpc_sync, to_here, wait and shutdown as it ends time.sleep. Threads other than the main one, and all threads of
// a Go host, pay nothing.

// heedPeriod is how often what waits on the main thread looks for signals.
const heedPeriod = 100 * time.Millisecond

// raisedByHandler is what the handler of a signal raised.
type raisedByHandler struct{ err error }

func (r *raisedByHandler) Error() string { return r.err.Error() }
func (r *raisedByHandler) Unwrap() error { return r.err }

// heeding returns ctx for what an in-place function waits for: with the look for signals, on Python's main thread.
func heeding(ctx context.Context, rt *pybridge.Runtime) context.Context {
	if !rt.OnHostsMainThread() {
		return ctx
	}
	return agent.WithCheck(ctx, func() error { return checkSignals(ctx, rt) })
}

// checkSignals is called without the GIL. The handlers are the program's own code: no deadline of a call ends them.
func checkSignals(ctx context.Context, rt *pybridge.Runtime) error {
	err := gil.With(gil.WaitForCompletion(context.WithoutCancel(ctx)), rt.CheckSignals)
	if err == nil || errors.Is(err, gil.ErrClosed) {
		return nil
	}
	return &raisedByHandler{err}
}

// heedfully calls f for an in-place function that waits in ways of its own. On Python's main thread f has a goroutine, and
// a context that ends when a handler has raised.
func heedfully(ctx context.Context, rt *pybridge.Runtime, f func(context.Context) error) error {
	if !rt.OnHostsMainThread() {
		return f(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan panics.End, 1)
	go panics.Catch(func() error { return f(ctx) }, func(e panics.End) { done <- e })
	tick := time.NewTicker(heedPeriod)
	defer tick.Stop()
	var raised error
	for {
		select {
		case e := <-done:
			switch {
			case e.Panic != nil:
				panic(e.Panic.Value) // panics: goes on where f would have panicked
			case raised != nil:
				return raised
			}
			return e.Err
		case <-tick.C:
			if raised != nil {
				continue
			}
			if raised = checkSignals(ctx, rt); raised != nil {
				cancel(raised)
			}
		}
	}
}
