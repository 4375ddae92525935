package gil

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pyrpc/pyrpc/internal/cpython"
	"github.com/pyrpc/pyrpc/internal/gate"
)

// Interrupter makes what the watchdog needs of Python. Package pybridge provides it.
type Interrupter struct {
	// Class is the exception to interrupt with; borrowed for good.
	Class func(Token) (cpython.Ref, error)
	// Stack describes the Python frames of a thread, by its threading.get_ident(); it may be empty.
	Stack func(Token, uint64) string
}

// interrupts interrupts calls whose context has ended, on a goroutine of its own: it has to wait for
// the GIL, perhaps behind the very call, and the caller must not.
type interrupts struct {
	count atomic.Int64 // calls ever interrupted

	mu sync.Mutex
	// guarded by mu
	with    Interrupter
	list    []*interruption
	running bool
	closed  bool
	idle    sync.Cond // signalled when running becomes false
}

var watchdog = newInterrupts()

func newInterrupts() *interrupts {
	w := new(interrupts)
	w.idle.L = &w.mu
	return w
}

// SetInterrupter says how calls are interrupted.
//
// GIL: not needed
// Thread: any
// Ref: none
// Blocks: no
func SetInterrupter(with Interrupter) {
	watchdog.mu.Lock()
	defer watchdog.mu.Unlock()
	watchdog.with = with
}

// StopInterrupting ends interrupting for good, before the interpreter goes.
//
// GIL: must not be held
// Thread: any
// Ref: none
// Blocks: for the GIL, when calls are being interrupted
func StopInterrupting() {
	AssertNotHeld()
	watchdog.mu.Lock()
	defer watchdog.mu.Unlock()
	watchdog.closed = true
	for watchdog.running {
		watchdog.idle.Wait()
	}
}

// watch interrupts i, and again after each Patience, until it ends.
func (w *interrupts) watch(i *interruption) {
	i.since = now()
	w.count.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, i)
	w.start()
}

// start with mu held.
func (w *interrupts) start() {
	if !w.running && !w.closed {
		w.running = true
		go w.run()
	}
}

// run makes one round, and comes back for those who are left.
func (w *interrupts) run() {
	list := w.current()
	heldBack, blocked := w.round(list)
	stalled.set(blocked)
	w.mu.Lock()
	defer w.mu.Unlock()
	fresh := len(w.list) > len(list)
	w.sweep()
	w.running = false
	w.idle.Broadcast()
	switch {
	case len(w.list) == 0:
	case fresh:
		w.start()
	default:
		again := Patience
		if heldBack {
			again = lookAgainIn
		}
		time.AfterFunc(again, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.start()
		})
	}
}

func (w *interrupts) current() []*interruption {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sweep()
	return slices.Clone(w.list)
}

// sweep with mu held.
func (w *interrupts) sweep() {
	w.list = slices.DeleteFunc(w.list, func(i *interruption) bool { return i.ended.Load() })
}

// round interrupts each of list, and gives back the permits of those who do not react. It reports whether one was held
// back, and why nobody can come in, where nobody can. It needs no permit itself: those inside may have them all.
func (w *interrupts) round(list []*interruption) (heldBack bool, blocked string) {
	w.mu.Lock()
	with := w.with
	w.mu.Unlock()
	if len(list) == 0 || with.Class == nil {
		return false, ""
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := stalled.whileWaiting(func() error { return cpython.Attach(0) }); err != nil {
		return false, ""
	}
	defer func() { _ = cpython.Detach() }()
	t, err := Assume(context.Background())
	if err != nil {
		return false, ""
	}
	if class, err := with.Class(t); err == nil {
		for _, i := range list {
			heldBack = i.interrupt(t, with, class) || heldBack
		}
	}
	return heldBack, gate.Process.Blocked(abandonAll(list))
}

// stuck lists who has not ended.
func (w *interrupts) stuck() []StuckCall {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sweep()
	calls := make([]StuckCall, len(w.list))
	for n, i := range w.list {
		calls[n] = i.stuck()
	}
	return calls
}
