package pybridge

import (
	"context"
	"errors"
	"fmt"

	"github.com/pyrpc/pyrpc/cleanup"
	"github.com/pyrpc/pyrpc/gil"
	"github.com/pyrpc/pyrpc/internal/cpython"
)

// flush does what CPython does at its end and a process that exits without finalising would miss. In
// somebody else's interpreter that is theirs to do.
func (i *interpreter) flush(ctx context.Context) error {
	if i.attached {
		return cleanup.ErrSkipped
	}
	return i.owner.with(ctx, func(t gil.Token) error {
		return errors.Join(runExitFunctions(t, i.atexit), flushStreams(t, i.sys))
	})
}

// keepForFlush imports what flush needs while builtins.__import__ is sure to be Python's own.
func (i *interpreter) keepForFlush(t gil.Token) (err error) {
	if i.sys, err = cpython.Import("sys"); err == nil {
		i.atexit, err = cpython.Import("atexit")
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
