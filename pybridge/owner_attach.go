package pybridge

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

var errThreading = errors.New("the running Python has not imported threading: " +
	"import it on Python's main thread first, as whichever thread does so is taken for the main one and waited for at exit")

var errHostHolds = fmt.Errorf("%w: load this library with ctypes.CDLL, which gives the GIL up, and not with PyDLL", ErrHeld)

// adoptRunning lets callers into the interpreter that the host started, after making sure that
// its main thread, and none of ours, is the first to import threading. The calling goroutine is on the
// main thread when Python called Start there.
func adoptRunning() error {
	cpython.AttachToRunning()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cpython.Attach(0); err != nil {
		return closedError(err)
	}
	defer func() { _ = cpython.Detach() }()
	if !cpython.OnFirstThread() {
		return needsImported("threading")
	}
	ref, err := cpython.Import("threading")
	if err != nil {
		return bare(err)
	}
	return cpython.DecRef(ref)
}

// needsImported fails unless the module is in sys.modules.
func needsImported(module string) error {
	sys, err := cpython.Import("sys")
	if err != nil {
		return bare(err)
	}
	defer func() { _ = cpython.DecRef(sys) }()
	modules, err := cpython.GetAttr(sys, "modules")
	if err != nil {
		return bare(err)
	}
	defer func() { _ = cpython.DecRef(modules) }()
	found, err := callNamed(modules, "__contains__", module)
	if err != nil {
		return bare(err)
	}
	defer func() { _ = cpython.DecRef(found) }()
	if found != cpython.True() {
		return errThreading
	}
	return nil
}
