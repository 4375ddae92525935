package gil

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// Interrupter makes what the watchdog needs of Python. Package pybridge provides it.
type Interrupter struct {
	// Mark makes the list by which a thread is told that its call is to stop. New reference.
	Mark func(Token) (cpython.Ref, error)
	// Look has the threads of the calls raise an exception as soon as they are where it does no harm, and those of no
	// others. It gives what it saw of each. The trace function, which is to be set for them, is nil from CPython 3.12
	// on; borrowed for good.
	Look func(Token, []Due) (seen []Seen, trace cpython.Ref, err error)
}

// Due is a call that is to be interrupted.
type Due struct {
	Ident uint64      // of its thread: threading.get_ident()
	Mark  cpython.Ref // borrowed
	Traps bool        // may what it executes be slower, for others too?
}

// Seen is what the thread of a call was doing.
type Seen struct {
	Stack    string // its Python frames; empty when it has none
	HeldBack bool   // what it waits for in Go is not to be ended just now
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
	trapped bool // the threads of some calls have been told to look
	rounds  int
	pause   time.Duration // before the next round
	closed  bool
	idle    sync.Cond // signalled when running becomes false
}

// firstPause is that after the first round; each later one is twice as long, up to [Patience].
const firstPause = 2 * time.Millisecond

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

// watch has i interrupted, and again after each Patience, until it ends.
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

// run makes one round, and comes back for those who are left, or to end what was begun for those who are not.
func (w *interrupts) run() {
	list := w.current()
	trapped, blocked := w.round(list)
	if gate.Process.State() == gate.Running {
		stalled.set(blocked) // once Python is being closed it serves no calls, whoever leaves
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	fresh := len(w.list) > len(list)
	w.sweep()
	w.running, w.trapped = false, trapped
	w.rounds++
	w.idle.Broadcast()
	switch {
	case len(w.list) == 0 && !trapped:
		w.pause = 0
	case fresh:
		w.pause = 0
		w.start()
	default:
		w.pause = min(max(2*w.pause, firstPause), Patience)
		w.startLater(w.rounds)
	}
}

// startLater with mu held comes back after the pause, unless a newcomer has had a round begun in the meantime, which
// will come back as well: each round has one successor.
func (w *interrupts) startLater(rounds int) {
	time.AfterFunc(w.pause, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.rounds == rounds {
			w.start()
		}
	})
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

// round has each of list told, and gives back the permits of those who do not react. It reports whether any may have
// been told, and why nobody can come in, where nobody can. It needs no permit itself: those inside may have them all.
func (w *interrupts) round(list []*interruption) (trapped bool, blocked string) {
	w.mu.Lock()
	with, rounds, before := w.with, w.rounds, w.trapped
	w.mu.Unlock()
	if len(list) == 0 && !before || with.Look == nil {
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
	trapped = tell(t, with, list, rounds)
	return trapped, gate.Process.Blocked(abandonAll(list))
}

// tell has the threads of the calls told that they are to stop, and reports whether any may have been.
func tell(t Token, with Interrupter, list []*interruption, round int) bool {
	var due []Due
	var told []*interruption
	for _, i := range list {
		if m := i.mark(t, with); m != nil {
			defer drop(m)
			due, told = append(due, Due{i.target.Ident(), m, i.sets(round)}), append(told, i)
		}
	}
	seen, trace, err := with.Look(t, due)
	if err != nil {
		return true
	}
	for n, i := range told {
		i.looked(seen[n], trace)
	}
	return len(told) > 0
}

func drop(o cpython.Ref) { _ = cpython.DecRef(o) }

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
