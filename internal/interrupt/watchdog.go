package interrupt

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// Hooks are what the watchdog needs of Python. They are called with the GIL held.
type Hooks struct {
	// Mark makes the list by which a thread is notified that its call is to stop. New reference.
	Mark func() (cpython.Ref, error)
	// Look has the threads of the calls raise an exception as soon as they are where it does no harm, and those of no
	// others. It gives what it saw of each. The trace function, which is to be set for them, is nil from CPython 3.12
	// on; borrowed for good.
	Look func([]Due) (seen []Seen, trace cpython.Ref, err error)
}

// Due is a call that is to be interrupted.
type Due struct {
	Ident uint64      // of its thread: threading.get_ident()
	Mark  cpython.Ref // borrowed
	Traps bool        // may what it executes be slower, for others too?
}

// Seen is what the thread of a call was doing.
type Seen struct {
	Stack  string // its Python frames; empty when it has none
	Masked bool   // what it waits for in Go is not to be ended just now
}

// watchdog interrupts calls whose context has ended. It has a goroutine of its own, as it has to wait for the GIL, perhaps
// behind the very call, and the caller must not wait.
type watchdog struct {
	count atomic.Int64 // calls ever interrupted

	mu sync.Mutex
	// guarded by mu
	hooks   Hooks
	list    []*Call
	running bool
	trapped bool // the threads of some calls have been notified
	rounds  int
	pause   time.Duration // before the next round
	closed  bool
	idle    sync.Cond // signalled when running becomes false
}

// firstPause is that after the first round; each later one is twice as long, up to [Patience].
const firstPause = 2 * time.Millisecond

// watching is the process's watchdog.
var watching = newWatchdog()

func newWatchdog() *watchdog {
	w := new(watchdog)
	w.idle.L = &w.mu
	return w
}

// SetHooks says how calls are interrupted.
func SetHooks(hooks Hooks) {
	watching.mu.Lock()
	defer watching.mu.Unlock()
	watching.hooks = hooks
}

// Close ends interrupting for good, before the interpreter goes. The GIL must not be held: Close waits for it when
// calls are being interrupted.
func Close() {
	watching.mu.Lock()
	defer watching.mu.Unlock()
	watching.closed = true
	for watching.running {
		watching.idle.Wait()
	}
}

// Count is how many calls were ever interrupted.
func Count() int64 { return watching.count.Load() }

// StuckCalls lists the calls that were interrupted and have not ended.
func StuckCalls() []Stuck { return watching.stuck() }

// watch has c interrupted, and again after each Patience, until it ends.
func (w *watchdog) watch(c *Call) {
	c.since = time.Now()
	w.count.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, c)
	w.startLocked()
}

func (w *watchdog) startLocked() {
	if !w.running && !w.closed {
		w.running = true
		go w.run()
	}
}

// run makes one round. It comes back for the calls that are left, and once more to take back what the round did to the
// threads of calls that have ended.
func (w *watchdog) run() {
	list := w.current()
	trapped, blocked := w.round(list)
	if gate.Process.State() == gate.Running {
		stalled.set(blocked) // once Python is being closed it serves no calls in any case
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	fresh := len(w.list) > len(list)
	w.sweepLocked()
	w.running, w.trapped = false, trapped
	w.rounds++
	w.idle.Broadcast()
	switch {
	case len(w.list) == 0 && !trapped:
		w.pause = 0
	case fresh:
		w.pause = 0
		w.startLocked()
	default:
		w.pause = min(max(2*w.pause, firstPause), Patience)
		w.startLaterLocked(w.rounds)
	}
}

// startLaterLocked has the next round begin after the pause, unless a new call has begun a round meanwhile, which has a
// successor of its own.
func (w *watchdog) startLaterLocked(rounds int) {
	time.AfterFunc(w.pause, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.rounds == rounds {
			w.startLocked()
		}
	})
}

func (w *watchdog) current() []*Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sweepLocked()
	return slices.Clone(w.list)
}

// sweepLocked forgets the calls that have ended.
func (w *watchdog) sweepLocked() {
	w.list = slices.DeleteFunc(w.list, func(c *Call) bool { return c.ended.Load() })
}

// round has each call's thread notified, and gives back the permits of the calls that do not react. It reports whether
// any thread may have been notified, and why no call can come in, where none can. It needs no permit itself: the calls
// inside may have them all.
func (w *watchdog) round(list []*Call) (trapped bool, blocked string) {
	w.mu.Lock()
	hooks, rounds, before := w.hooks, w.rounds, w.trapped
	w.mu.Unlock()
	if len(list) == 0 && !before || hooks.Look == nil {
		return false, ""
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := stalled.whileWaiting(func() error { return cpython.Attach(0) }); err != nil {
		return false, ""
	}
	defer func() { _ = cpython.Detach() }()
	trapped = notify(hooks, list, rounds)
	return trapped, gate.Process.Blocked(abandonAll(list))
}

// notify has the threads of the calls told to stop, and reports whether any may have been. The GIL is held.
func notify(hooks Hooks, list []*Call, round int) bool {
	var due []Due
	var notified []*Call
	for _, c := range list {
		if m := c.mark(hooks); m != nil {
			defer drop(m)
			due, notified = append(due, Due{c.target.Ident(), m, c.sets(round)}), append(notified, c)
		}
	}
	seen, trace, err := hooks.Look(due)
	if err != nil {
		return true
	}
	for n, c := range notified {
		c.looked(seen[n], trace)
	}
	return len(notified) > 0
}

func drop(o cpython.Ref) { _ = cpython.DecRef(o) }

func (w *watchdog) stuck() []Stuck {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sweepLocked()
	stuck := make([]Stuck, len(w.list))
	for n, c := range w.list {
		stuck[n] = c.stuck()
	}
	return stuck
}
