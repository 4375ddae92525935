package interrupt

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// Patience is how long a caller whose context has ended waits for its call to react before it leaves
// the call behind, and the time between two attempts to interrupt the same call.
const Patience = 250 * time.Millisecond

// trapsFor is how long the functions that an interrupted call runs may be slower, for all calls.
const trapsFor = 5 * time.Second

// Stuck is a call that was interrupted and has not ended yet.
type Stuck struct {
	Label     string
	For       time.Duration // since its context ended
	Stack     string        // Python's, when it was last looked at; empty before that
	Abandoned bool          // its permit was given back while it is in Python
}

// Call is a call as the watchdog sees it.
type Call struct {
	label  string
	target cpython.Target
	ended  atomic.Bool
	since  time.Time // set before the watchdog sees it

	abandoned atomic.Bool // its permit was given back

	// the watchdog's
	traced time.Time // when its thread last got the trace function, zero for never
	woken  time.Time // when the call's wait in Go was last ended, zero for never

	mu sync.Mutex
	// guarded by mu
	first, last string // Python stacks
}

var calls = sync.Pool{New: func() any { return new(Call) }}

// NewCall makes a call, which can be interrupted until its End.
func NewCall(label string) *Call {
	c := calls.Get().(*Call)
	c.label = label
	return c
}

// Put puts a call back into its pool that was never stopped: a call that was, the watchdog may look at later too.
func (c *Call) Put() {
	*c = Call{}
	calls.Put(c)
}

// Target is what the call is made with.
func (c *Call) Target() *cpython.Target { return &c.target }

// Stop is called when the context has ended. It keeps the call from beginning, and gives it to the watchdog.
func (c *Call) Stop() {
	c.target.Stop()
	watching.watch(c)
}

// End is called when the call has returned.
func (c *Call) End() { c.ended.Store(true) }

// firstStack is Python's as it was when the call was first to be interrupted; empty where that was too late.
func (c *Call) firstStack() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.first
}

// Interruption says that a call was interrupted, or left behind. It is a gil.InterruptedError, which says what the fields
// are.
type Interruption struct {
	Label string
	Stuck bool
	Stack string
	Cause error
	Err   error
}

// Interrupted is what the caller of c gets, whose context has ended. It is stuck where the caller leaves c behind.
func (c *Call) Interrupted(ctx context.Context, stuck bool) *Interruption {
	return &Interruption{Label: c.label, Stuck: stuck, Stack: c.firstStack(), Cause: gate.Ended(ctx)}
}

func (c *Call) saw(stack string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first == "" {
		c.first = stack
	}
	c.last = stack
}

// mark is what the call's thread is notified by: a new reference, nil where no thread is inside. The GIL is held.
func (c *Call) mark(hooks Hooks) cpython.Ref {
	if c.target.Ident() == 0 {
		return nil
	}
	fresh, err := hooks.Mark()
	if err != nil {
		return nil
	}
	defer drop(fresh)
	m, err := c.target.Mark(fresh)
	if err != nil {
		return nil
	}
	return m
}

// looked is called with what the watchdog saw of c's thread, once that thread has been notified. It keeps the Python
// stack, renews the trace function, and ends a wait in Go, unless an exception would do harm there. The GIL is held.
func (c *Call) looked(seen Seen, trace cpython.Ref) {
	if seen.Stack != "" {
		c.saw(seen.Stack)
	}
	if trace != nil && passed(&c.traced) {
		_ = c.target.Trace(trace)
	}
	if seen.Masked || !passed(&c.woken) {
		return
	}
	if ident := c.target.Ident(); ident != 0 && wake(ident) {
		c.target.Wake()
	}
}

// passed reports whether [Patience] has passed since the last time that it said so.
func passed(last *time.Time) bool {
	if time.Since(*last) < Patience {
		return false
	}
	*last = time.Now()
	return true
}

// sets reports whether traps are worth what they cost calls of the same functions: they are for five
// seconds, and in one round of eight after that.
func (c *Call) sets(round int) bool {
	return time.Since(c.since) < trapsFor || round%8 == 0
}

func (c *Call) stuck() Stuck {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stuck{Label: c.label, For: time.Since(c.since), Stack: c.last, Abandoned: c.abandoned.Load()}
}

// Scope is Go code that holds the GIL, as the watchdog sees it: what it calls in Python is interrupted when its context
// ends.
type Scope struct {
	Call
	stop func() bool
}

// BeginScope makes the Python calls of the calling goroutine, which holds the GIL, interruptible until [Scope.End].
func BeginScope(ctx context.Context, label string) *Scope {
	s := &Scope{Call: Call{label: label}}
	_ = s.target.Begin()
	s.stop = context.AfterFunc(ctx, func() { watching.watch(&s.Call) })
	return s
}

// End is called with the GIL held, and reports whether a call was interrupted.
func (s *Scope) End() (interrupted bool) {
	s.stop()
	s.Call.End()
	return s.target.End()
}
