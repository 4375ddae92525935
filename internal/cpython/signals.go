package cpython

/*
#include <signal.h>
#include "bridge.h"
*/
import "C"

import "runtime"

// Signals is one more than the largest signal number.
const Signals = C.CPY_SIGNALS

// Handlers that are no functions.
const (
	SigDfl = uintptr(0)
	SigIgn = uintptr(1)
)

// Disposition is what the process does with a signal (sigaction).
type Disposition struct {
	Handler uintptr
	OnStack bool
	Restart bool
}

// SaveSignals remembers all dispositions for [RestoreSignal].
func SaveSignals() { C.cpy_signals_save() }

// ReadSignals gives the dispositions by signal number.
func ReadSignals() [Signals]Disposition {
	var raw [Signals]C.cpy_disposition
	C.cpy_signals_read(&raw[0])
	var all [Signals]Disposition
	for n, d := range raw {
		all[n] = Disposition{uintptr(d.handler), d.flags&C.SA_ONSTACK != 0, d.flags&C.SA_RESTART != 0}
	}
	return all
}

// RestoreSignal puts back what [SaveSignals] saw, if handler is still in its place.
func RestoreSignal(n int, handler uintptr) { C.cpy_signal_restore(C.int(n), C.uintptr_t(handler)) }

// PutOnStack adds SA_ONSTACK to handler, if it still has the signal: without, it runs on a goroutine's
// stack, and Go ends a process in which its own handler is called so.
func PutOnStack(n int, handler uintptr) { C.cpy_signal_on_stack(C.int(n), C.uintptr_t(handler)) }

// Symbol says which file an address of C code is from, and which exported function (dladdr); empty where
// that is not known.
func Symbol(address uintptr) (file, name string) {
	var f, n *C.char
	C.cpy_symbol(C.uintptr_t(address), &f, &n)
	return C.GoString(f), C.GoString(n)
}

// OpenCrash makes [MendCrash] work: from now on a handler that a library installs for a crash signal is called by way of
// Go's own handler.
func OpenCrash() {
	start, end := goText()
	C.cpy_crash_open(C.uintptr_t(start), C.uintptr_t(end))
}

// LearnCrash learns from faulthandler how to print Python's stacks. With reports, crashes in C code do so
// from now on, to standard error. The GIL is held.
func LearnCrash(reports bool) error {
	register, err := importAttr("faulthandler", "register")
	if err != nil {
		return err
	}
	defer func() { _ = DecRef(register) }()
	on := C.int(0)
	if reports {
		on = 1
	}
	none, err := asRef(C.cpy_crash_learn(pyObject(register), on))
	if err != nil {
		return err
	}
	return DecRef(none)
}

// MendCrash takes the crash signals (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) back from the libraries
// that have taken them since. The handler is kept, for crashes in C code.
func MendCrash() { C.cpy_crash_mend() }

// CrashForeign is the handler that took a crash signal over last, 0 for none.
func CrashForeign(n int) uintptr { return uintptr(C.cpy_crash_foreign(C.int(n))) }

// CloseCrash gives the crash signals back as they were at [OpenCrash].
func CloseCrash() { C.cpy_crash_close() }

// GuardFunctions replaces the Python functions that any thread can call and that would break Go's
// handling of signals at once: faulthandler.enable and signal.pthread_sigmask. The GIL is held.
func GuardFunctions() error {
	for _, f := range []struct {
		module, name string
		wrapper      C.int
	}{
		{"faulthandler", "enable", C.CPY_THEN_MEND},
		{"_signal", "pthread_sigmask", C.CPY_THEN_UNBLOCK},
	} {
		if err := guard(f.module, f.name, f.wrapper); err != nil {
			return err
		}
	}
	return nil
}

func guard(module, name string, wrapper C.int) error {
	m, err := Import(module)
	if err != nil {
		return err
	}
	defer func() { _ = DecRef(m) }()
	original, err := GetAttr(m, name)
	if err != nil {
		return err
	}
	defer func() { _ = DecRef(original) }()
	wrapped, err := asRef(C.cpy_wrap(pyObject(original), wrapper))
	if err != nil {
		return err
	}
	defer func() { _ = DecRef(wrapped) }()
	return SetAttr(m, name, wrapped)
}

func importAttr(module, name string) (Ref, error) {
	m, err := Import(module)
	if err != nil {
		return nil, err
	}
	defer func() { _ = DecRef(m) }()
	return GetAttr(m, name)
}

// goText gives the bounds of the program's Go code. The linker's symbols for them cannot be named here,
// but the runtime knows of every address in between, and of none beside, which function it belongs to.
func goText() (start, end uintptr) {
	pc, _, _, _ := runtime.Caller(0)
	return edge(pc, -1), edge(pc, +1) + 1
}

// edge gives the last address of Go code in a direction: step far out, then halve.
func edge(inside uintptr, direction int) uintptr {
	isGo := func(pc uintptr) bool { return runtime.FuncForPC(pc) != nil }
	at := func(distance uintptr) uintptr {
		if direction < 0 {
			return inside - distance
		}
		return inside + distance
	}
	beyond := uintptr(1)
	for isGo(at(beyond)) {
		beyond *= 2
	}
	within := uintptr(0)
	for beyond-within > 1 {
		middle := within + (beyond-within)/2
		if isGo(at(middle)) {
			within = middle
		} else {
			beyond = middle
		}
	}
	return at(within)
}
