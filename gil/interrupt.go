package gil

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// Patience is how long a caller whose context has ended waits for its call to react before it leaves
// it behind, and between two attempts to interrupt the same call.
const Patience = 250 * time.Millisecond

// trapsFor is how long other calls of the functions that an interrupted one runs may be slower.
const trapsFor = 5 * time.Second

// InterruptedError says that the context ended while Python ran the call, and that the call was interrupted, or left
// behind. What came of the call, if anything did, was dropped. A call that ends by itself before its thread gets the
// exception is not interrupted: it has its own outcome.
type InterruptedError struct {
	Label string // of the call
	Stuck bool   // it did not react in time, as code in C does not, and runs on; see [Snapshot]
	Stack string // Python's, as it was when the call was first to be interrupted; empty when that was too late
	Cause error  // why the context ended
	Err   error  // what the body of [With] returned; nil for other calls
}

func (e *InterruptedError) Error() string {
	text := fmt.Sprintf("%s was interrupted: %v", e.Label, e.Cause)
	if e.Stuck {
		text = fmt.Sprintf("%s does not react to being interrupted and runs on: %v", e.Label, e.Cause)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Stack != "" {
		text += "\n" + e.Stack
	}
	return text
}

// Unwrap gives the cause, which is also context.Canceled or context.DeadlineExceeded for errors.Is, and
// the error of the body.
func (e *InterruptedError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Cause}
	}
	return []error{e.Cause, e.Err}
}

// StuckCall is a call that was interrupted and has not ended yet.
type StuckCall struct {
	Label string        `json:"label"`
	For   time.Duration `json:"for_ns"` // since its context ended
	Stack string        `json:"stack"`  // Python's, when it was last looked at; empty before that

	Abandoned bool `json:"abandoned"` // its permit was given back while it is in Python
}

// interruption is a call as the watchdog sees it.
type interruption struct {
	label  string
	target cpython.Target
	ended  atomic.Bool
	since  time.Duration // set before the watchdog sees it

	abandoned atomic.Bool // its permit was given back

	// the watchdog's
	traced time.Duration // when its thread last got the trace function, 0 for never
	woken  time.Duration // when what it waits for in Go was last ended, 0 for never

	mu sync.Mutex
	// guarded by mu
	first, last string // Python stacks
}

var interruptions = sync.Pool{New: func() any { return new(interruption) }}

func newInterruption(label string) *interruption {
	i := interruptions.Get().(*interruption)
	i.label = label
	return i
}

// recycle is for one that was never stopped: the watchdog looks at one that was, also later.
func (i *interruption) recycle() {
	*i = interruption{}
	interruptions.Put(i)
}

// stop is called when the context has ended.
func (i *interruption) stop() {
	i.target.Stop()
	watchdog.watch(i)
}

func (i *interruption) end() { i.ended.Store(true) }

func (i *interruption) error(ctx context.Context, stuck bool) *InterruptedError {
	i.mu.Lock()
	defer i.mu.Unlock()
	return &InterruptedError{Label: i.label, Stuck: stuck, Stack: i.first, Cause: gate.Ended(ctx)}
}

func (i *interruption) saw(stack string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.first == "" {
		i.first = stack
	}
	i.last = stack
}

// mark is what its thread is told by, nil when no thread is inside; a new reference. The GIL is held.
func (i *interruption) mark(t Token, with Interrupter) cpython.Ref {
	if i.target.Ident() == 0 {
		return nil
	}
	fresh, err := with.Mark(t)
	if err != nil {
		return nil
	}
	defer drop(fresh)
	m, err := i.target.Mark(fresh)
	if err != nil {
		return nil
	}
	return m
}

// looked is called with what the watchdog saw of i's thread, once that thread has been told to stop. It keeps the Python
// stack, renews the trace function, and ends a wait in Go, unless an exception would do harm there. The GIL is held.
func (i *interruption) looked(seen Seen, trace cpython.Ref) {
	if seen.Stack != "" {
		i.saw(seen.Stack)
	}
	if trace != nil && passed(&i.traced) {
		_ = i.target.Trace(trace)
	}
	if seen.HeldBack || !passed(&i.woken) {
		return
	}
	if ident := i.target.Ident(); ident != 0 && wakeOutside(ident) {
		i.target.Wake()
	}
}

// passed says whether [Patience] has passed since last time that it said so.
func passed(last *time.Duration) bool {
	if *last > 0 && now()-*last < Patience {
		return false
	}
	*last = now()
	return true
}

// sets says whether traps are worth what they cost others, who execute the same functions: for five
// seconds, and an eighth of the time after that.
func (i *interruption) sets(round int) bool {
	return now()-i.since < trapsFor || round%8 == 0
}

func (i *interruption) stuck() StuckCall {
	i.mu.Lock()
	defer i.mu.Unlock()
	return StuckCall{Label: i.label, For: now() - i.since, Stack: i.last, Abandoned: i.abandoned.Load()}
}

// nesting is what holds the GIL in [With], as the watchdog sees it.
type nesting struct {
	interruption
	ctx  context.Context
	stop func() bool
}

// beginNesting makes Python calls interruptible until end; nil where nothing is to be done: ctx cannot
// end, or the outer nesting is interruptible already.
func beginNesting(g *Guard, ctx context.Context) *nesting {
	if g.nested || ctx.Done() == nil {
		return nil
	}
	n := &nesting{interruption: interruption{label: label(ctx)}, ctx: ctx}
	_ = n.target.Begin()
	n.stop = context.AfterFunc(ctx, func() { watchdog.watch(&n.interruption) })
	return n
}

// end is called with the GIL held, and makes the error of the body tell what happened to it.
func (n *nesting) end(err error) error {
	if n == nil {
		return err
	}
	n.stop()
	n.interruption.end()
	if !n.target.End() || err == nil {
		return err
	}
	e := n.interruption.error(n.ctx, false)
	e.Err = err
	return e
}
