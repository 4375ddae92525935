package pybridge

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
	"github.com/gopyrpc/gopyrpc/internal/deferred"
	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/interrupt"
	"github.com/gopyrpc/gopyrpc/internal/threadlimit"
)

// start takes the process from New to Running or Failed, or back to New where nothing was loaded.
func (i *interpreter) start(ctx context.Context) {
	defer close(i.started)
	if i.err = gate.Process.Begin(); i.err != nil {
		close(i.located)
		return
	}
	if err := i.locate(ctx); err != nil {
		i.retract(err)
		return
	}
	close(i.located)
	// What was loaded stays with the process: from here on a start is not undone half-way by ctx.
	if err := errors.Join(i.checkVersion(), i.checkStack()); err != nil {
		i.fail(err)
		return
	}
	if i.attached {
		if err := adoptRunning(); err != nil {
			i.fail(err)
			return
		}
	}
	i.owner = newOwner()
	i.rest.resident = residentMemory()
	i.signals.open(i.log, i.attached, i.rest.look)
	boot := context.WithoutCancel(ctx)
	if err := i.boot(boot); err != nil {
		i.signals.close()
		i.owner.stop()
		i.fail(err)
		return
	}
	i.registerSteps()
	cpython.OnPending(deferred.WakeJanitor)
	gate.Process.Open(i.config.gate())
	i.unwatch = gil.OnStall((&stallLog{log: i.log}).note)
	i.log.Info("python started", "version", i.version.String(), "executable", i.python.Executable,
		"library", cpython.LibraryPath(), "attached", i.attached)
}

// hasThreads is nil where n calls may hold an OS thread each, and else says why not.
func hasThreads(n int) error { return threadlimit.Process.Allow(n, 0) }

func (i *interpreter) fail(err error) {
	cpython.Forbid()
	gate.Process.Fail(err)
	i.err = fmt.Errorf("%w: %w", ErrFailed, err)
}

// retract leaves the process as if there had been no start; callers that wait for the start get the error.
func (i *interpreter) retract(err error) {
	process.mu.Lock()
	defer process.mu.Unlock()
	i.err = fmt.Errorf("%w: %w", ErrNoPython, err)
	i.retracted = true
	gate.Process.Retract()
	process.interp = nil
	close(i.located)
}

// locate finds the library and loads it, or sees that the process has a running Python. When it fails
// nothing was loaded.
func (i *interpreter) locate(ctx context.Context) error {
	present, path := cpython.Process()
	if present == cpython.Initialised {
		i.attached = true
		i.python = discover.Interpreter{Library: path, Source: "the running process"}
	} else {
		found, err := discover.Find(ctx, discover.Options{Python: i.config.python, Library: i.config.library})
		if err != nil {
			return err
		}
		i.python = found
	}
	if err := cpython.Load(i.python.Library); err != nil {
		return fmt.Errorf("loading %s: %w", i.python.Library, err)
	}
	if i.attached && cpython.HostHolds() {
		return errHostHolds // the owner would wait for it, and its holder for the owner
	}
	return nil
}

// checkVersion compares what was loaded with what was asked for: a library of a different minor version under the
// expected file name runs for a while and then corrupts memory.
func (i *interpreter) checkVersion() error {
	v, err := parseVersion(cpython.Version())
	if err != nil {
		return err
	}
	i.version = v
	switch {
	case strings.Contains(v.Full, "free-threading"):
		return fmt.Errorf("%s is a free-threaded build of CPython %s, which is not supported: use the build with the GIL", cpython.LibraryPath(), v)
	case v.Major != 3 || v.Minor < discover.MinMinor || v.Minor > discover.MaxMinor:
		return fmt.Errorf("%s is CPython %s; supported are %s", cpython.LibraryPath(), v, discover.SupportedVersions())
	case !i.attached && v.Minor != i.python.Minor:
		return fmt.Errorf("%s says that it is CPython %s, but %s needs 3.%d", cpython.LibraryPath(), v, i.python.Executable, i.python.Minor)
	}
	return nil
}

func parseVersion(full string) (Version, error) {
	v := Version{Full: full}
	number, _, _ := strings.Cut(full, " ")
	if _, err := fmt.Sscanf(number, "%d.%d.%d", &v.Major, &v.Minor, &v.Patch); err != nil {
		return v, fmt.Errorf("Py_GetVersion gave %q, which is no version", full)
	}
	return v, nil
}

// boot initialises Python on the owner's thread and prepares what callers need.
func (i *interpreter) boot(ctx context.Context) error {
	if n := i.config.keptMemory; n > 0 {
		cpython.KeepFreed(n)
	}
	if !i.attached {
		if err := i.owner.do(ctx, i.initialize); err != nil {
			return i.initError(err)
		}
	}
	return i.owner.with(ctx, i.prepare)
}

func (i *interpreter) initialize() error {
	return cpython.Initialize(cpython.Config{
		Minor:       i.version.Minor,
		ProgramName: i.python.Executable,
		Home:        i.config.home,
		Argv:        i.config.argv,
	})
}

func (i *interpreter) initError(err error) error {
	home := ""
	if i.config.home != "" {
		home = ", home " + i.config.home
	}
	return fmt.Errorf("CPython %s (%s%s) did not initialise: %w", i.version, i.python.Executable, home, err)
}

func (i *interpreter) prepare(t gil.Token) error {
	if err := i.bridge.load(t); err != nil {
		return fmt.Errorf("the bridge's own Python module: %w", err)
	}
	if err := i.keepForFlush(t); err != nil {
		return err
	}
	if err := i.configure(t); err != nil {
		return err
	}
	if err := i.signals.guardPython(t, i.config.crashReports); err != nil {
		return err
	}
	if err := i.watchHost(t); err != nil {
		return fmt.Errorf("the end of the interpreter: %w", err)
	}
	if err := i.guardForks(t); err != nil {
		return err
	}
	if err := i.guardRecursion(t); err != nil {
		return err
	}
	defer i.signals.check()
	interrupt.SetHooks(i.interruptHooks())
	return preload(t, i.config.preload)
}

// configure sets what PyConfig cannot or need not say.
func (i *interpreter) configure(t gil.Token) error {
	var errs []error
	if d := i.config.switchInterval; d > 0 {
		errs = append(errs, callMethod(t, i.sys, "setswitchinterval", d.Seconds()))
	}
	for n, dir := range i.config.path {
		errs = append(errs, i.insertPath(t, i.sys, n, dir))
	}
	return errors.Join(errs...)
}

func (i *interpreter) insertPath(t gil.Token, sys cpython.Ref, n int, dir string) error {
	path, err := cpython.GetAttr(sys, "path")
	if err != nil {
		return captured(t, err)
	}
	defer func() { _ = cpython.DecRef(path) }()
	return callMethod(t, path, "insert", n, dir)
}

// callMethod calls and forgets the result.
func callMethod(t gil.Token, o cpython.Ref, name string, args ...any) error {
	method, err := cpython.GetAttr(o, name)
	if err != nil {
		return captured(t, err)
	}
	defer func() { _ = cpython.DecRef(method) }()
	result, err := callRef(method, args...)
	if err != nil {
		return captured(t, err)
	}
	return cpython.DecRef(result)
}

// registerSteps are the runtime's own parts of a join.
func (i *interpreter) registerSteps() {
	for _, s := range []struct {
		phase cleanup.Phase
		name  string
		step  func(context.Context) error
	}{
		{cleanup.PhaseAgent, "drain python calls", gate.Process.Drain},
		{cleanup.PhaseObjects, "drop pending references", i.dropPending},
		{cleanup.PhaseObjects, "watch of the host's end", i.forgetHost},
		{cleanup.PhaseVerify, "ledger of references", verifyLedger},
		{cleanup.PhaseFlush, "atexit hooks, stdout and stderr", i.flush},
		{cleanup.PhaseFinalize, "interpreter", i.finish},
	} {
		if err := i.registry.Register(s.phase, s.name, s.step); err != nil {
			i.log.Error("python: cleanup step not registered", "step", s.name, "error", err)
		}
	}
}
