package pybridge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// flush does what CPython does at its end and a process that exits without finalising would miss: what was registered
// with threading._register_atexit (executors, loky), then with atexit, then the streams. In an interpreter that its
// host started, that is the host's to do.
//
// Python runs these on its main thread, and so does flush. What has not returned in time stays there, and the rest goes on
// elsewhere: a pool that waits for its threads for ever must not cost what is in sys.stdout.
func (i *interpreter) flush(ctx context.Context) error {
	if i.attached {
		return cleanup.ErrSkipped
	}
	f := &flushing{interp: i, on: i.owner}
	f.own, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer f.stop()
	half, cancel := halfOf(ctx)
	defer cancel()
	return errors.Join(
		f.stage(half, "threading's exit functions", i.runThreadExits),
		f.stage(ctx, "atexit hooks", func(t gil.Token) error { return runExitFunctions(t, i.atexit) }),
		f.last(ctx, "stdout and stderr", func(t gil.Token) error { return flushStreams(t, i.sys) }),
	)
}

// The time for what is left to do once ctx has ended. All of it fits into the second that a step of the join then has.
const (
	lastStage   = 150 * time.Millisecond // for a stage that begins then
	endChildren = 250 * time.Millisecond // for processes to heed SIGTERM
	// afterStage is for processes to end, and for functions that wait for those to notice. Ending them takes some 300 ms; a
	// function that was not given the rest of a busy machine lost what it had still to write.
	afterStage = 800 * time.Millisecond
)

// halfOf is a context for half of ctx's time, so that the later stages have as much.
func halfOf(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithTimeout(ctx, time.Until(deadline)/2)
	}
	return context.WithCancel(ctx)
}

// flushing is one run of [interpreter.flush].
type flushing struct {
	interp *interpreter
	own    context.Context // what the stages run with: it ends with the flushing, and not with a stage's time
	cancel context.CancelFunc
	on     *owner   // where the next stage runs
	spares []*owner // threads besides Python's main thread
	ended  bool     // endChildren was called: once, as it takes long where the GIL is not to be had
}

func (f *flushing) stop() {
	f.cancel()
	for _, o := range f.spares {
		o.stop()
	}
}

// elsewhere gives the later stages a thread of their own, as the present one does not come back.
func (f *flushing) elsewhere() {
	f.on = newOwner()
	f.spares = append(f.spares, f.on)
}

// stage runs what. When ctx ends first, the later stages go on elsewhere, and the processes that multiprocessing has
// started are ended: a function that does not return usually waits for those, and nothing would end them later.
func (f *flushing) stage(ctx context.Context, name string, what func(gil.Token) error) error {
	on := f.on
	over, err := f.run(ctx, name, what)
	if over == nil {
		return err
	}
	f.elsewhere()
	if f.ended {
		return err
	}
	f.ended = true
	notice := time.NewTimer(afterStage)
	defer notice.Stop()
	names, failed := f.endChildren()
	switch {
	case failed != nil:
		return errors.Join(err, fmt.Errorf("ending multiprocessing's processes: %w", failed))
	case len(names) == 0:
		return err
	}
	err = errors.Join(err, fmt.Errorf("multiprocessing's processes had not ended and were terminated: %s", strings.Join(names, ", ")))
	select {
	case late := <-over:
		f.on = on
		return errors.Join(err, late)
	case <-notice.C:
		return err
	}
}

// last is stage for the last one, after which nothing is to be made possible.
func (f *flushing) last(ctx context.Context, name string, what func(gil.Token) error) error {
	_, err := f.run(ctx, name, what)
	return err
}

// run runs what, for lastStage where ctx has ended already. When it has not returned in time, over is what will have its
// error; nil when it has.
func (f *flushing) run(ctx context.Context, name string, what func(gil.Token) error) (over <-chan error, err error) {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastStage)
		defer cancel()
	}
	result := make(chan error, 1)
	on := f.on
	go func() { result <- on.with(f.own, what) }()
	select {
	case err := <-result:
		return nil, err
	case <-ctx.Done():
		return result, fmt.Errorf("%s: %w", name, context.Cause(ctx))
	}
}

// endChildren ends the processes that multiprocessing started and that run still, and gives their names.
func (f *flushing) endChildren() (names []string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*endChildren)
	defer cancel()
	err = f.on.with(ctx, func(t gil.Token) error {
		v, err := f.interp.bridge.tool(t, "end_children", endChildren.Seconds())
		names = asTexts(v)
		return err
	})
	if err != nil {
		return nil, err // names may be written later
	}
	return names, nil
}

// runThreadExits compiles nothing where no function is registered, as in most processes.
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
