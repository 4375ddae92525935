package pybridge

import (
	"context"
	"fmt"

	"github.com/pyrpc/pyrpc/cleanup"
	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/internal/cpython"
	"github.com/pyrpc/pyrpc/internal/gate"
)

// Close gives this handle up. The last one stops admission, waits for the calls in progress as long
// as ctx allows, runs the cleanup registry (owner references, handler references, pending decrefs,
// the ledger, atexit hooks and flushing, and finalising where asked for) and closes Python for the
// process. Closing a handle again does nothing.
//
// GIL: must not be held
// Thread: any
// Ref: drops what the runtime owns
// Blocks: ctx; every step has a deadline of its own
//
// Errors: what failed in which step, the names of calls that were still inside, and of references
// that nobody released; [Runtime.Join] has the details. ErrHeld, and ErrInCallback in a [Func]: nothing
// is closed then.
func (r *Runtime) Close(ctx context.Context) error {
	gil.AssertNotHeld()
	_, err := r.Join(ctx)
	return err
}

// Join is [Runtime.Close] with the report of what was released, what leaked and what was late. The
// report is empty for a handle that was not the last.
//
// GIL: must not be held
// Thread: any
// Ref: drops what the runtime owns
// Blocks: ctx; every step has a deadline of its own
func (r *Runtime) Join(ctx context.Context) (cleanup.Report, error) {
	gil.AssertNotHeld()
	if gil.Held() {
		return cleanup.Report{}, ErrHeld
	}
	if InCallback(ctx) {
		return cleanup.Report{}, ErrInCallback
	}
	if !r.closed.CompareAndSwap(false, true) {
		return cleanup.Report{}, nil
	}
	if !r.drop() {
		return cleanup.Report{}, nil
	}
	return r.end(ctx)
}

// end is for whoever gave the last handle up.
func (i *interpreter) end(ctx context.Context) (cleanup.Report, error) {
	report, err := i.registry.Run(ctx)
	gate.Process.Close()
	cpython.Forbid()
	i.signals.close()
	i.owner.stop()
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
		return fmt.Errorf("%w: calls still inside: %q", cleanup.ErrSkipped, inside)
	}
	if threads := i.otherThreads(ctx); len(threads) > 0 {
		return fmt.Errorf("%w: threads still running: %q", cleanup.ErrSkipped, threads)
	}
	i.signals.close() // its reports need Python
	gil.StopInterrupting()
	return i.owner.do(ctx, func() error {
		if err := cpython.Attach(0); err != nil {
			return closedError(err)
		}
		return cpython.Finalize()
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
