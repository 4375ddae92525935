package pybridge

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gopyrpc/gopyrpc/cleanup"
	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
)

// interpreter is the one Python of the process.
type interpreter struct {
	config   config
	log      *slog.Logger
	python   discover.Interpreter
	attached bool // a host started it, and ends it
	version  Version
	owner    *owner
	registry *cleanup.Registry
	bridge   bridgeModule
	// The modules, held from the start: at the end imports may be broken.
	sys, atexit, threading cpython.Ref
	hostExit               cpython.Ref // where attached: see watchHost
	signals                signalGuard
	rest                   rest
	unwatch                func() // ends the log of stalls

	located   chan struct{} // closed when a library was loaded, or none
	retracted bool          // none was, and a later Start may succeed; read after located
	started   chan struct{} // closed when the start has succeeded or failed
	err       error         // why it failed; read after started

	ended   chan struct{} // closed at the very end of Close
	handles int           // guarded by process.mu
}

// process is the interpreter that was started, if any. There is never a second one: numpy, torch and
// other extension modules do not survive re-initialisation.
var process struct {
	mu sync.Mutex
	// guarded by mu
	interp *interpreter
}

// Runtime is a handle on the process's Python. Its methods may be called from any goroutine. With a nil
// Runtime, as comes with an error, they fail with [ErrNotStarted], or give what is nothing.
type Runtime struct {
	*interpreter
	closed atomic.Bool // written with process.mu held
	last   bool        // of all handles to be closed; guarded by process.mu
}

// isNone: r is not what a [Start] made.
func (r *Runtime) isNone() bool { return r == nil || r.interpreter == nil }

// Version is the running CPython's.
type Version struct {
	Major, Minor, Patch int
	Full                string // as sys.version begins
}

func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// Start finds an interpreter, loads its library, and starts it in an isolated configuration in UTF-8
// mode without signal handlers (Py_InitializeFromConfig). In a process that runs Python already, as
// when Go is a shared library loaded by Python, Start attaches to that interpreter, and Close never ends it.
//
// A second Start with the same options shares the interpreter, and each handle is closed on its own;
// with other options it is [ErrAlreadyStarted]. A Start that finds no Python, or cannot load its library,
// is [ErrNoPython] and changes nothing: a later Start may succeed. After the last Close, and after a start
// that failed later, every Start fails: a process has one interpreter's life.
//
//   - GIL: must not be held
//   - Thread: any
//   - Ref: none
//   - Blocks: ctx while another Start is under way; module code of the preloads
//
// Errors: ErrNoPython, which says what was looked for and what to install; ErrFailed with CPython's
// own reason; ErrAlreadyStarted; ErrClosed; ErrHeld; the end of ctx.
func Start(ctx context.Context, opts ...Option) (*Runtime, error) {
	gil.AssertNotHeld()
	if gil.Held() {
		return nil, ErrHeld
	}
	s, err := newSettings(opts)
	if err != nil {
		return nil, err
	}
	interp, first, err := claim(ctx, s)
	if err != nil {
		return nil, err
	}
	if first {
		interp.start(ctx)
	} else if err := interp.await(ctx); err != nil {
		return nil, err
	}
	if interp.err != nil {
		return nil, interp.err
	}
	return &Runtime{interpreter: interp}, nil
}

// await waits for a start that a different goroutine has begun. A caller that waits no longer gives its handle back later,
// as that handle may turn out to be the last.
func (i *interpreter) await(ctx context.Context) error {
	select {
	case <-i.started:
		return nil
	default:
	}
	select {
	case <-i.started:
		return nil
	case <-ctx.Done():
	}
	go func() {
		<-i.started
		if i.drop() && i.err == nil {
			_, _ = i.end(context.WithoutCancel(ctx))
		}
	}()
	return fmt.Errorf("waiting for python to start: %w", context.Cause(ctx))
}

// claim gives the interpreter, and whether the caller is the one to start it. One with other options
// waits until it is known whether there will be an interpreter.
func claim(ctx context.Context, s *settings) (*interpreter, bool, error) {
	for {
		interp, first, err := tryClaim(s)
		if err != nil || interp.config.same(s.config) {
			return interp, first, err
		}
		if err := interp.awaitLocated(ctx); err != nil {
			return nil, false, err
		}
		if !interp.retracted {
			return nil, false, ErrAlreadyStarted
		}
	}
}

func (i *interpreter) awaitLocated(ctx context.Context) error {
	select {
	case <-i.located:
		return nil
	default:
	}
	select {
	case <-i.located:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for python to start, with other options: %w", context.Cause(ctx))
	}
}

// tryClaim takes a handle where the options are the interpreter's.
func tryClaim(s *settings) (*interpreter, bool, error) {
	process.mu.Lock()
	defer process.mu.Unlock()
	interp := process.interp
	if interp == nil {
		interp = &interpreter{
			config:   s.config,
			log:      s.log,
			registry: cleanup.New(cleanup.WithLogger(s.log), cleanup.WithStepDeadline(s.stepDeadline())),
			located:  make(chan struct{}),
			started:  make(chan struct{}),
			ended:    make(chan struct{}),
			handles:  1,
		}
		process.interp = interp
		return interp, true, nil
	}
	if interp.over() {
		if interp.err != nil {
			return nil, false, interp.err
		}
		return nil, false, ErrClosed
	}
	if interp.config.same(s.config) {
		interp.handles++
	}
	return interp, false, nil
}

// over reports whether the interpreter cannot be shared any more. The caller must hold process.mu.
func (i *interpreter) over() bool {
	select {
	case <-i.started:
		return i.err != nil || i.handles == 0
	default:
		return false
	}
}

// drop gives a handle back and reports whether it was the last.
func (i *interpreter) drop() bool {
	process.mu.Lock()
	defer process.mu.Unlock()
	i.handles--
	return i.handles == 0
}

// giveUp drops the handle, once, and reports whether it was, or is, the last, and whether by this call.
func (r *Runtime) giveUp() (last, now bool) {
	process.mu.Lock()
	defer process.mu.Unlock()
	if r.closed.CompareAndSwap(false, true) {
		r.handles--
		r.last = r.handles == 0
		now = true
	}
	return r.last, now
}

// Version is the running CPython's.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func (r *Runtime) Version() Version {
	if r.isNone() {
		return Version{}
	}
	return r.version
}

// Interpreter says which interpreter was found, and by what.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func (r *Runtime) Interpreter() (executable, library, source string) {
	if r.isNone() {
		return "", "", ""
	}
	return r.python.Executable, cpython.LibraryPath(), r.python.Source
}

// Registry returns the registry of steps that Close runs: owners of references register there how to release them. It is nil
// for a nil Runtime.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func (r *Runtime) Registry() *cleanup.Registry {
	if r.isNone() {
		return nil
	}
	return r.registry
}

// Import imports the module, also a dotted one, and gives it (importlib.import_module). Modules made
// with pybind11, such as torch, are to be preloaded instead: see [WithPreload] and [Runtime.Preload].
//
//   - GIL: held
//   - Thread: the token's
//   - Ref: new
//   - Blocks: module code
func (r *Runtime) Import(t gil.Token, name string) (*Object, error) {
	t.Assert()
	if r.isNone() {
		return nil, ErrNotStarted
	}
	start := time.Now()
	ref, err := cpython.Import(name)
	if time.Since(start) > signalCheckTime { // else it was imported before, and did nothing
		r.signals.check()
	}
	if err != nil {
		return nil, captured(t, err)
	}
	return adopt(ref, "module "+name), nil
}

// Preload imports modules on the owner's thread; see [WithPreload].
//
//   - GIL: must not be held
//   - Thread: any; the import runs on the owner's
//   - Ref: none
//   - Blocks: ctx, then module code
func (r *Runtime) Preload(ctx context.Context, modules ...string) error {
	gil.AssertNotHeld()
	return r.OnOwner(ctx, func(t gil.Token) error { return preload(t, modules) })
}

// OnOwner runs f on the owner's thread, Python's main thread, with the GIL held. It is for imports
// and for what an extension module wants there; while f runs, nothing else can.
//
//   - GIL: must not be held; f holds it
//   - Thread: any; f runs on the owner's
//   - Ref: none
//   - Blocks: ctx; f, which goes on when ctx ends before it
func (r *Runtime) OnOwner(ctx context.Context, f func(gil.Token) error) error {
	gil.AssertNotHeld()
	switch {
	case r.isNone():
		return ErrNotStarted
	case gil.Held():
		return ErrHeld
	case r.closed.Load():
		return ErrClosed
	}
	return r.owner.with(ctx, func(t gil.Token) error {
		defer r.signals.check()
		return f(t)
	})
}

func preload(t gil.Token, modules []string) error {
	for _, name := range modules {
		ref, err := cpython.Import(name)
		if err != nil {
			return fmt.Errorf("preload %s: %w", name, captured(t, err))
		}
		_ = cpython.DecRef(ref)
	}
	return nil
}
