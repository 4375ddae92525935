package pybridge

import (
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"time"

	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// FinalizePolicy says whether Close ends the interpreter (Py_FinalizeEx).
type FinalizePolicy int

// Finalising runs __del__ methods and little else that FinalizeNever does not, and is where embedded
// interpreters crash: a thread that wants the GIL during it never returns. FinalizeFull is for tests and
// tools that want to see everything given back; it has no bound but the context's.
const (
	FinalizeNever    FinalizePolicy = iota // flush, run atexit hooks, leave the rest to the process
	FinalizeGraceful                       // finalise, but only when every call and thread has left
	FinalizeFull                           // wait for them as long as the context of Close allows, and finalise or fail
)

func (p FinalizePolicy) String() string {
	return [...]string{"never", "graceful", "full"}[p]
}

// config is what two Starts must agree on to share an interpreter.
type config struct {
	python, library, home string
	argv, path, preload   []string
	permits               int
	maxAbandoned          *int // nil for the default
	switchInterval        time.Duration
	finalize              FinalizePolicy
	crashReports, fork    bool
	keptMemory            int
}

type settings struct {
	config
	log *slog.Logger
}

// stepDeadline bounds each step of the cleanup; 0 for the usual one.
func (a config) stepDeadline() time.Duration {
	if a.finalize == FinalizeFull {
		return math.MaxInt64 / 4 // no deadline, but one that can be added to a time
	}
	return 0
}

// gate is what the gate is opened with.
func (a config) gate() gate.Options {
	o := gate.Options{Max: a.permits, Threads: hasThreads}
	if a.maxAbandoned != nil {
		o.MaxAbandoned = *a.maxAbandoned
		if o.MaxAbandoned == 0 {
			o.MaxAbandoned = -1
		}
	}
	return o
}

func (a config) same(b config) bool { return reflect.DeepEqual(a, b) }

// Option configures [Start].
type Option func(*settings) error

// WithPython names the interpreter to be: a path or a command on PATH. Without it GOPYRPC_PYTHON,
// then $VIRTUAL_ENV/bin/python, then python3 on PATH decides. A virtual environment is entered by
// naming its bin/python.
func WithPython(executable string) Option {
	return func(s *settings) error { s.python = executable; return nil }
}

// WithLibrary names the libpython3.X.so to load, for installations where it cannot be found.
func WithLibrary(path string) Option {
	return func(s *settings) error { s.library = path; return nil }
}

// WithHome overrides the prefix from which the standard library is taken (PyConfig.home).
func WithHome(dir string) Option {
	return func(s *settings) error { s.home = dir; return nil }
}

// WithArgv sets sys.argv; [""] without it.
func WithArgv(argv ...string) Option {
	return func(s *settings) error { s.argv = argv; return nil }
}

// WithPath puts directories in front of sys.path, in this order. The environment's PYTHONPATH and
// the current directory are not used: what is imported is decided by the program.
func WithPath(dirs ...string) Option {
	return func(s *settings) error { s.path = append(s.path, dirs...); return nil }
}

// WithPreload imports modules on the interpreter's owner thread before anybody else may enter.
// torch, and whatever else is made with pybind11, has to be first imported there: it remembers the
// thread state of its first import for ever.
func WithPreload(modules ...string) Option {
	return func(s *settings) error { s.preload = append(s.preload, modules...); return nil }
}

// WithPermits bounds how many callers may be in Python at once, most of them waiting for the GIL or
// for what they released it for; 64 without it.
func WithPermits(n int) Option {
	return func(s *settings) error {
		if n < 1 {
			return fmt.Errorf("WithPermits(%d): at least 1", n)
		}
		s.permits = n
		return nil
	}
}

// WithMaxAbandoned bounds how many calls may run on in Python without a permit. A call whose context has ended is
// interrupted; code in C does not notice, and the call gives its permit back after 250 ms, so that
// a newcomer is served in its place. Each such call keeps an OS thread until it ends, beyond those of [WithPermits]. It is 256
// without this option; with 0 every call keeps its permit. When that many calls are abandoned, and calls like them hold all
// permits, no call is served until one of those ends: [gil.OnStall] and the logger tell.
func WithMaxAbandoned(n int) Option {
	return func(s *settings) error {
		if n < 0 {
			return fmt.Errorf("WithMaxAbandoned(%d): at least 0", n)
		}
		s.maxAbandoned = &n
		return nil
	}
}

// WithSwitchInterval sets how long a thread that computes keeps the GIL when other threads want it
// (sys.setswitchinterval); CPython's 5 ms without it. Shorter is fairer to short calls.
func WithSwitchInterval(d time.Duration) Option {
	return func(s *settings) error {
		if d < time.Microsecond {
			return fmt.Errorf("WithSwitchInterval(%v): at least 1µs", d)
		}
		s.switchInterval = d
		return nil
	}
}

// WithFinalize sets what Close does with the interpreter; [FinalizeNever] without it.
func WithFinalize(p FinalizePolicy) Option {
	return func(s *settings) error {
		if p < FinalizeNever || p > FinalizeFull {
			return fmt.Errorf("WithFinalize(%d): no such policy", int(p))
		}
		s.finalize = p
		return nil
	}
}

// WithKeptMemory sets how many bytes of freed memory the C library keeps for what is made next, while there are
// calls; what it thinks best without this option. By itself glibc gives memory back to the kernel whenever a
// couple of megabytes are free, and a program whose calls carry bytes of that size spends more time on
// getting them again, page by page, than on copying them. It is for the whole process (mallopt), and does
// nothing where the C library is another. All threads share one arena of glibc's, with this option or without, unless
// the environment sets MALLOC_ARENA_MAX, or the process is Python's own.
func WithKeptMemory(bytes int) Option {
	return func(s *settings) error {
		if bytes < 1 {
			return fmt.Errorf("WithKeptMemory(%d): at least 1", bytes)
		}
		s.keptMemory = bytes
		return nil
	}
}

// WithCrashReports sets whether a crash in C code (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, on any
// thread) prints Python's stacks to standard error before it ends the process as it would without;
// it does without this option. In an interpreter that its host started, that is the host's to do.
func WithCrashReports(on bool) Option {
	return func(s *settings) error { s.crashReports = on; return nil }
}

// WithFork sets whether Python code may fork (os.fork, os.forkpty, pty.fork, multiprocessing's start
// method fork); without it that is a RuntimeError, and multiprocessing spawns. A child has one thread and
// no Go: it can run a program or end with os._exit, as multiprocessing's do; a child that is about to return
// to Go ends with status 70 and a message. In an interpreter that its host started, forks are the host's matter.
func WithFork(on bool) Option {
	return func(s *settings) error { s.fork = on; return nil }
}

// WithLogger sets where the bridge logs; nowhere without it. Not one of the options that two Starts
// must agree on.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) error { s.log = l; return nil }
}

func newSettings(opts []Option) (*settings, error) {
	s := &settings{config: config{crashReports: true}, log: slog.New(slog.DiscardHandler)}
	for _, o := range opts {
		if err := o(s); err != nil {
			return nil, fmt.Errorf("pybridge.Start: %w", err)
		}
	}
	if len(s.argv) == 0 {
		s.argv = []string{""}
	}
	return s, nil
}
