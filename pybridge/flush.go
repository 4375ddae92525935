package pybridge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pyrpc/pyrpc/cleanup"
	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/internal/cpython"
)

// flush does what CPython does at its end and a process that exits without finalising would miss: what was registered
// with threading._register_atexit (executors, loky), then with atexit, then the streams. In somebody else's interpreter that is
// theirs to do.
//
// Python runs these on its main thread, and so does flush. What has not returned in time stays there, and the rest goes on
// elsewhere: a pool that waits for its threads for ever must not cost what is in sys.stdout.
func (i *interpreter) flush(ctx context.Context) error {
	if i.attached {
		return cleanup.ErrSkipped
	}
	f := &flushing{interp: i, on: i.owner}
	defer f.stop()
	half, cancel := halfOf(ctx)
	defer cancel()
	return errors.Join(
		f.stage(half, "threading's exit functions", i.runThreadExits),
		f.stage(ctx, "atexit hooks", func(t gil.Token) error { return runExitFunctions(t, i.atexit) }),
		f.stage(ctx, "stdout and stderr", func(t gil.Token) error { return flushStreams(t, i.sys) }),
	)
}

// What is left to do when the time is over. Together they fit into the second that a step of the join then has.
const (
	lastStage     = 150 * time.Millisecond // for a stage that begins then
	endChildren   = 250 * time.Millisecond // for processes to heed SIGTERM
	leaveChildren = 100 * time.Millisecond // for whoever waits for them to notice
)

// halfOf leaves the other half of ctx's time for what comes later.
func halfOf(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithTimeout(ctx, time.Until(deadline)/2)
	}
	return context.WithCancel(ctx)
}

// flushing is one run of [interpreter.flush].
type flushing struct {
	interp *interpreter
	on     *owner   // where the next stage runs
	spares []*owner // others than Python's main thread
}

func (f *flushing) stop() {
	for _, o := range f.spares {
		o.stop()
	}
}

// elsewhere gives the later stages a thread of their own, as the present one does not come back.
func (f *flushing) elsewhere() {
	f.on = newOwner()
	f.spares = append(f.spares, f.on)
}

// stage runs what. When ctx ends first, the processes that multiprocessing has started are ended, since it is those
// that such a function usually waits for, and nobody would end them later.
func (f *flushing) stage(ctx context.Context, name string, what func(gil.Token) error) error {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastStage)
		defer cancel()
	}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	over := make(chan error, 1)
	on := f.on
	go func() { over <- on.with(own, what) }()
	select {
	case err := <-over:
		return err
	case <-ctx.Done():
	}
	late := fmt.Errorf("%s: %w", name, context.Cause(ctx))
	f.elsewhere()
	ended := f.endChildren()
	if ended == nil {
		return late
	}
	select {
	case err := <-over:
		f.on = on
		return errors.Join(late, ended, err)
	case <-time.After(leaveChildren):
		return errors.Join(late, ended)
	}
}

// endChildren ends the processes that multiprocessing started and that run still. The error names them; nil when
// there were none.
func (f *flushing) endChildren() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*endChildren)
	defer cancel()
	var names []string
	err := f.on.with(ctx, func(t gil.Token) error {
		v, err := f.interp.bridge.tool(t, "end_children", endChildren.Seconds())
		names = asTexts(v)
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("ending multiprocessing's processes: %w", err)
	case len(names) > 0:
		return fmt.Errorf("multiprocessing's processes had not ended and were terminated: %s", strings.Join(names, ", "))
	}
	return nil
}

// runThreadExits compiles nothing where nobody has registered a function, as in most processes.
func (i *interpreter) runThreadExits(t gil.Token) error {
	exits, err := cpython.GetAttr(i.threading, "_threading_atexits")
	if err != nil {
		dropRaised(err)
		return nil
	}
	defer func() { _ = cpython.DecRef(exits) }()
	if some, err := cpython.IsTrue(exits); err != nil || !some {
		dropRaised(err)
		return nil
	}
	_, err = i.bridge.tool(t, "run_thread_exits")
	return err
}

// keepForFlush imports what flush needs while builtins.__import__ is sure to be Python's own.
func (i *interpreter) keepForFlush(t gil.Token) (err error) {
	if i.sys, err = cpython.Import("sys"); err == nil {
		i.atexit, err = cpython.Import("atexit")
	}
	if err == nil {
		i.threading, err = cpython.Import("threading")
	}
	return captured(t, err)
}

func runExitFunctions(t gil.Token, atexit cpython.Ref) error {
	if err := callMethod(t, atexit, "_run_exitfuncs"); err != nil {
		return fmt.Errorf("atexit: %w", err)
	}
	return nil
}

// flushStreams flushes what sys has now, and what it had first where a program replaced it.
func flushStreams(t gil.Token, sys cpython.Ref) error {
	var errs []error
	for _, name := range []string{"stdout", "stderr", "__stdout__", "__stderr__"} {
		if err := flushStream(t, sys, name); err != nil {
			errs = append(errs, fmt.Errorf("sys.%s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// flushStream passes by a stream that is missing, None or closed.
func flushStream(t gil.Token, sys cpython.Ref, name string) error {
	stream, err := cpython.GetAttr(sys, name)
	if err != nil {
		dropRaised(err)
		return nil
	}
	defer func() { _ = cpython.DecRef(stream) }()
	if stream == cpython.None() || isClosed(stream) {
		return nil
	}
	return callMethod(t, stream, "flush")
}

func isClosed(stream cpython.Ref) bool {
	closed, err := cpython.GetAttr(stream, "closed")
	if err != nil {
		dropRaised(err)
		return false
	}
	defer func() { _ = cpython.DecRef(closed) }()
	yes, err := cpython.IsTrue(closed)
	dropRaised(err)
	return yes
}
