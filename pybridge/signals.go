package pybridge

import (
	"fmt"
	"log/slog"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
)

// The dispositions are looked at after imports, and periodically. A look is some sixty short system
// calls, so imports that take less time than they do are passed by.
const (
	signalPeriod    = time.Second
	signalCheckTime = 50 * time.Microsecond
)

// signalGuard keeps for Go the signals that its runtime needs, whatever Python code and extension
// modules install. Their handlers for other signals stay, on the signal stack.
type signalGuard struct {
	log      *slog.Logger
	attached bool   // the process's signals are the host's: only its handlers' stack is seen to
	opened   bool   // like all before mu, set by open, before the interpreter is shared
	also     func() // is called as often as the signals are looked at
	found    [cpython.Signals]cpython.Disposition
	quit     chan struct{}
	done     chan struct{}

	mu sync.Mutex
	// guarded by mu
	closed bool
	logged map[syscall.Signal]uintptr // the handlers of which the log has last
}

// crashSignals are the signals that package cpython takes back itself, at once.
var crashSignals = []syscall.Signal{syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGABRT}

// keptSignals are Go's too: what ends a program, goroutine stacks, pre-emption, profiles.
var keptSignals = map[syscall.Signal]bool{
	syscall.SIGINT: true, syscall.SIGTERM: true, syscall.SIGHUP: true, syscall.SIGQUIT: true,
	syscall.SIGURG: true, syscall.SIGPROF: true,
}

// open remembers what there is before Python runs, and starts looking.
func (g *signalGuard) open(log *slog.Logger, attached bool, also func()) {
	g.log, g.attached, g.opened, g.also = log, attached, true, also
	g.logged = map[syscall.Signal]uintptr{}
	g.quit, g.done = make(chan struct{}), make(chan struct{})
	cpython.SaveSignals()
	g.found = cpython.ReadSignals()
	if !attached {
		cpython.OpenCrash()
	}
	go g.run(g.quit, g.done)
}

// guardPython is what of this needs Python.
func (g *signalGuard) guardPython(t gil.Token, reports bool) error {
	if g.attached {
		return nil
	}
	if err := cpython.GuardFunctions(); err != nil {
		return fmt.Errorf("signals: %w", captured(t, err))
	}
	if err := cpython.LearnCrash(reports); err != nil {
		return fmt.Errorf("crash reports: %w", captured(t, err))
	}
	return nil
}

func (g *signalGuard) run(quit <-chan struct{}, done chan<- struct{}) {
	defer close(done)
	tick := time.NewTicker(signalPeriod)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			g.check()
			if !g.attached {
				g.also()
			}
		case <-quit:
			return
		}
	}
}

// close gives the signals back as they were found. Once more after finalising, in which CPython's own
// modules put back what they had found.
func (g *signalGuard) close() {
	if g.stop() {
		close(g.quit)
		<-g.done
	}
	if !g.opened || g.attached {
		return
	}
	cpython.CloseCrash()
	for n, d := range cpython.ReadSignals() {
		if g.isForeign(n, d) {
			cpython.RestoreSignal(n, d.Handler)
		}
	}
}

// stop reports whether the goroutine is to be stopped by the caller.
func (g *signalGuard) stop() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.opened || g.closed {
		return false
	}
	g.closed = true
	return true
}

// check looks at every signal and mends what needs it. The GIL does not matter.
func (g *signalGuard) check() {
	for _, m := range g.mend() {
		m.log(g.log) // without the lock: a logger may want the GIL
	}
}

// mend gives what is new to the log: a library may come back for a signal again and again.
func (g *signalGuard) mend() []mended {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.opened || g.closed {
		return nil
	}
	var all []mended
	if !g.attached {
		all = g.mendCrashes()
	}
	for n, d := range cpython.ReadSignals() {
		if m, ok := g.mendOne(syscall.Signal(n), d); ok {
			all = append(all, m)
		}
	}
	all = slices.DeleteFunc(all, func(m mended) bool {
		handler, known := g.logged[m.signal]
		return known && handler == m.handler
	})
	for _, m := range all {
		g.logged[m.signal] = m.handler
	}
	return all
}

func (g *signalGuard) mendCrashes() []mended {
	var all []mended
	cpython.MendCrash()
	for _, s := range crashSignals {
		if taker := cpython.CrashForeign(int(s)); taker != 0 {
			all = append(all, mended{s, taker, "given back to Go; the handler is called for crashes in C code"})
		}
	}
	return all
}

func (g *signalGuard) mendOne(s syscall.Signal, d cpython.Disposition) (mended, bool) {
	n := int(s)
	switch {
	case keptSignals[s] && !g.attached && g.isTaken(s, d):
		cpython.RestoreSignal(n, d.Handler)
		return mended{s, d.Handler, "given back to Go"}, true
	case !d.OnStack && (g.isForeign(n, d) || g.found[n].OnStack && g.isHandler(d)): // or again, by the handler that was there at the start
		cpython.PutOnStack(n, d.Handler)
		return mended{s, d.Handler, "put on the signal stack (SA_ONSTACK)"}, true
	}
	return mended{}, false
}

// isForeign: a handler that was not there when we came, nor is Go's.
func (g *signalGuard) isForeign(n int, d cpython.Disposition) bool {
	return g.isHandler(d) && d.Handler != g.found[n].Handler
}

// isHandler: a function, and not Go's.
func (g *signalGuard) isHandler(d cpython.Disposition) bool {
	goHandler := g.found[syscall.SIGURG].Handler // which handles every signal that Go wants
	return d.Handler != cpython.SigDfl && d.Handler != cpython.SigIgn && d.Handler != goHandler
}

// isTaken: Go handled the signal, and did not give it up itself.
func (g *signalGuard) isTaken(s syscall.Signal, d cpython.Disposition) bool {
	found := g.found[s]
	switch {
	case found.Handler == cpython.SigDfl || found.Handler == cpython.SigIgn:
		return g.isForeign(int(s), d)
	case d.Handler == cpython.SigIgn:
		return !signal.Ignored(s)
	default:
		return d != found
	}
}

// mended is one signal that was taken back or mended, for the log.
type mended struct {
	signal  syscall.Signal
	handler uintptr
	action  string
}

func (m mended) log(l *slog.Logger) {
	l.Warn("python: a signal's handler was changed", "signal", m.signal.String(), "by", handlerName(m.handler), "action", m.action)
}

func handlerName(handler uintptr) string {
	switch handler {
	case cpython.SigDfl:
		return "SIG_DFL"
	case cpython.SigIgn:
		return "SIG_IGN"
	}
	file, name := cpython.Symbol(handler)
	switch {
	case file == "":
		return fmt.Sprintf("handler %#x", handler)
	case name == "":
		return "a function of " + filepath.Base(file)
	}
	return filepath.Base(file) + ": " + name
}
