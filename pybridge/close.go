package pybridge

import (
	"context"
	"errors"
	"fmt"

	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/interrupt"
)

// Close gives this handle up. The last one stops admission, waits for the calls in progress as long
// as ctx allows, runs the cleanup registry (owner references, handler references, pending decrefs,
// the ledger, the exit functions of threading and atexit, flushing, and finalising where asked for) and closes
// Python for the process. Processes of multiprocessing that still run when their time has passed are terminated.
// Closing the last handle again, or meanwhile, waits for the end and returns the same error; closing a handle again that was
// not the last does nothing.
//
//   - GIL: must not be held
//   - Thread: any
//   - Ref: drops what the runtime owns
//   - Blocks: ctx; every step has a deadline of its own, but with FinalizeFull
//
// Errors: what failed in which step, the names of calls that were still inside, and of references
// that nobody released; ErrNotFinalized, with [FinalizeFull], and what was in the way; [Runtime.Join] has
// the details. ErrHeld, ErrInCallback in a [Func], and ErrNotStarted for a nil Runtime: nothing is closed
// then.
func (r *Runtime) Close(ctx context.Context) error {
	gil.AssertNotHeld()
	_, err := r.Join(ctx)
	return err
}

// Join is [Runtime.Close] with the report of what was released, what leaked and what was late. The
// report is empty for a handle that was not the last.
//
//   - GIL: must not be held
//   - Thread: any
//   - Ref: drops what the runtime owns
//   - Blocks: ctx; every step has a deadline of its own
func (r *Runtime) Join(ctx context.Context) (cleanup.Report, error) {
	gil.AssertNotHeld()
	switch {
	case r.isNone():
		return cleanup.Report{}, ErrNotStarted
	case gil.Held():
		return cleanup.Report{}, ErrHeld
	case InCallback(ctx):
		return cleanup.Report{}, ErrInCallback
	}
	switch last, now := r.giveUp(); {
	case !last:
		return cleanup.Report{}, nil
	case now:
		return r.end(ctx)
	default:
		return r.awaitEnd(ctx)
	}
}

// end is called by the goroutine that gave the last handle up.
func (i *interpreter) end(ctx context.Context) (cleanup.Report, error) {
	defer close(i.ended)
	report, err := i.registry.Run(ctx)
	gate.Process.Close()
	i.unwatch()
	cpython.Forbid()
	i.signals.close()
	i.owner.stop()
	return report, err
}

// awaitEnd is called by goroutines that close a handle during the end: a program that returned from its main function
// meanwhile would cut the hooks and the flushing short.
func (i *interpreter) awaitEnd(ctx context.Context) (cleanup.Report, error) {
	report, err := i.registry.Run(ctx) // waits for the run that is in progress, or is done
	if ctx.Err() != nil || errors.Is(err, cleanup.ErrReentrant) {
		return report, err
	}
	select {
	case <-i.ended:
	case <-ctx.Done():
	}
	return report, err
}

func (i *interpreter) dropPending(ctx context.Context) error {
	return i.owner.with(ctx, func(gil.Token) error {
		n := 0
		for cpython.Pending() > 0 && ctx.Err() == nil {
			dropped, err := cpython.DrainPending(1024)
			if err != nil {
				return err
			}
			n += dropped
		}
		cleanup.ReportReleased(ctx, "pending reference", n)
		return ctx.Err()
	})
}

func verifyLedger(ctx context.Context) error {
	for _, leak := range Leaks() {
		cleanup.ReportLeak(ctx, leak)
	}
	return nil
}

func (i *interpreter) finish(ctx context.Context) error {
	if i.config.finalize == FinalizeNever || i.attached {
		return fmt.Errorf("%w: policy never", cleanup.ErrSkipped)
	}
	if inside := gate.Process.Inside(); len(inside) > 0 {
		return i.notFinalized(fmt.Errorf("calls still inside: %q", inside))
	}
	if err := i.joinThreads(ctx); err != nil {
		return i.notFinalized(fmt.Errorf("waiting for threads: %w", err))
	}
	if threads := i.otherThreads(ctx); len(threads) > 0 {
		return i.notFinalized(fmt.Errorf("threads still running: %q", threads))
	}
	i.signals.close() // its reports need Python
	interrupt.Close()
	return i.owner.do(ctx, func() error {
		if err := cpython.Attach(0); err != nil {
			return closedError(err)
		}
		return cpython.Finalize()
	})
}

// notFinalized is what the policy makes of a reason.
func (i *interpreter) notFinalized(reason error) error {
	if i.config.finalize == FinalizeFull {
		return fmt.Errorf("%w: %w", ErrNotFinalized, reason)
	}
	return fmt.Errorf("%w: %w", cleanup.ErrSkipped, reason)
}

// joinThreads waits for the threads that Py_FinalizeEx would wait for, which does not heed ctx.
func (i *interpreter) joinThreads(ctx context.Context) error {
	if i.config.finalize != FinalizeFull {
		return nil
	}
	return i.owner.with(ctx, func(t gil.Token) error {
		_, err := i.bridge.tool(t, "join_threads")
		return err
	})
}

// otherThreads lists what Py_FinalizeEx would wait for, kill, or leave to crash when it next comes.
func (i *interpreter) otherThreads(ctx context.Context) []string {
	var names []string
	err := i.owner.with(ctx, func(t gil.Token) error {
		v, err := i.bridge.tool(t, "other_threads")
		names = asTexts(v)
		return err
	})
	if err != nil {
		return []string{err.Error()}
	}
	return names
}
