package gil

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pyrpc/pyrpc/internal/cpython"
	"github.com/pyrpc/pyrpc/internal/gate"
)

// Patience is how long a caller whose context has ended waits for its call to react before it leaves
// it behind, and between two attempts to interrupt the same call.
const Patience = 250 * time.Millisecond

// InterruptedError says that the context ended while Python ran the call. What came of the call, if
// anything did, was dropped.
type InterruptedError struct {
	Label string // of the call
	Stuck bool   // it did not react in time, as code in C does not, and runs on; see [Snapshot]
	Stack string // Python's, as it was when the call was first interrupted; empty when that was too late
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
	Stack string        `json:"stack"`  // Python's, when it was last interrupted; empty before that

	Abandoned bool `json:"abandoned"` // its permit was given back
}

// interruption is a call as the watchdog sees it.
type interruption struct {
	label  string
	target cpython.Target
	ended  atomic.Bool
	since  time.Duration // set before the watchdog sees it

	abandoned atomic.Bool // its permit was given back

	// the watchdog's
	heldBack bool          // since it was last tried
	tried    time.Duration // when it was last interrupted, 0 for never

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

// interrupt sends the exception, unless it has to be held back or was sent less than [Patience] ago; it
// reports whether it was held back. The watchdog calls it.
func (i *interruption) interrupt(t Token, with Interrupter, class cpython.Ref) (heldBack bool) {
	ident := i.target.Ident()
	if ident == 0 || i.ended.Load() || i.tried > 0 && now()-i.tried < Patience {
		return false
	}
	if !i.heldBack {
		i.saw(with.Stack(t, ident))
	}
	// From here to the exception the GIL is kept.
	i.heldBack = executes(&i.target).holdsBack(now() - i.since)
	if i.heldBack {
		return true
	}
	_, _ = i.target.Interrupt(class)
	i.tried = now()
	wakeOutside(ident)
	return false
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
