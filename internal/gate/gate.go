// Package gate decides, in Go, who may try to enter Python.
//
// A goroutine that waits for the GIL in C occupies an OS thread and cannot be cancelled; thousands of
// them kill the process. So callers wait here: first in, first out, given up when their context ends,
// and never more than a bounded number inside. The gate is also the interpreter's state machine: it
// is what makes a call before the start, during the drain, and after the end a plain error.
//
// # How many may be inside
//
// While one caller computes in Python, letting a second one in only makes them fight for the GIL; but
// a caller that has released the GIL to wait for something must not keep the others out. From outside
// the two look alike except in time. So the gate grants a quota of fresh permits, one to begin with,
// and a permit whose holder has stayed longer than a tick stops counting against the quota, up to
// Max permits in all. A quota whose fresh holders all overstayed is doubled, and a fresh holder that
// leaves in time takes the quota back down by one: short calls run one by one, blocking calls soon
// run Max abreast, and a mixture settles in between.
//
// A holder whose caller has gone, and which does not end, is abandoned: it stops counting altogether, as code that is
// stuck in C would keep its place for good. Only MaxAbandoned can be, as each has an OS thread.
//
// Max does not bind a holder that stepped out and comes back: those inside may be waiting for what
// its Python frames hold, a lock say, and it has its OS thread anyway. What bounds the threads is
// Total, and what the system lets the process have (Options.Threads): newcomers wait while that many are inside,
// abandoned, or stepped out.
package gate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gopyrpc/gopyrpc/internal/ticker"
)

// What an entry can be refused with.
var (
	ErrNotStarted = errors.New("python is not started: call pybridge.Start first")
	ErrClosed     = errors.New("python is closed: the interpreter was released and does not come back in this process")
	ErrFailed     = errors.New("python failed to start, and cannot start again in this process")
)

// State is the life of the interpreter as callers see it.
type State int

// The states in their order. Closed and Failed are final.
const (
	New State = iota
	Starting
	Running
	Draining
	Closed
	Failed
)

func (s State) String() string {
	return [...]string{"new", "starting", "running", "draining", "closed", "failed"}[s]
}

// The defaults of [Options].
const (
	DefaultMax   = 64
	DefaultTotal = 4096 // each has an OS thread; the Go runtime ends a process that has 10,000
	DefaultTick  = ticker.Interval
)

// Options bound the gate; zero values mean the defaults.
type Options struct {
	Max   int           // permits in all
	Total int           // permits, abandoned ones and stepped-out holders in all
	Base  int           // permits of callers that do not overstay; 1 where there is a GIL
	Tick  time.Duration // how long a caller may stay before it counts as blocking
	// Threads is nil where n holders, inside, abandoned or stepped out, may have an OS thread each at once, and else says
	// why not; without it nothing but Total bounds them. It is called with the gate's lock held, for every newcomer, and
	// must not block.
	Threads func(n int) error

	MaxAbandoned int // abandoned permits, see Gate.Abandon; negative for none
}

func (o Options) withDefaults() Options {
	if o.Max <= 0 {
		o.Max = DefaultMax
	}
	if o.Base <= 0 {
		o.Base = 1
	}
	o.Base = min(o.Base, o.Max)
	if o.Total <= 0 {
		o.Total = DefaultTotal
	}
	o.Total = max(o.Total, o.Max)
	if o.MaxAbandoned == 0 {
		o.MaxAbandoned = DefaultMaxAbandoned
	}
	if o.Tick <= 0 {
		o.Tick = DefaultTick
	}
	return o
}

// Gate admits callers to Python. The zero Gate is New and not usable before [Gate.Open].
type Gate struct {
	mu sync.Mutex
	// guarded by mu
	state     State
	failure   error
	opts      Options
	inside    permitList // every permit that is out, but for those that are away or abandoned
	back      waitList   // holders that stepped out and want in again; before the queue
	queue     waitList   // newcomers
	quota     int
	fresh     [2]int // permits granted in this tick and in the one before
	stale     int    // permits older than that
	tick      uint64
	drained   chan struct{} // closed when Draining and nobody is inside
	peak      int
	entries   uint64     // how often a permit was granted or taken back
	away      permitList // holders that stepped out and will come back
	abandoned permitList // see Abandon
	ids       []*Permit  // by Permit.id-1; nil where free
	reclaim   func() int // see Reclaim
	still     standstill // see Blocked

	ticker    ticker.Ticker
	waits     atomic.Int64 // entries that had to wait
	returning atomic.Int32 // callers whose jobs are over and who do not run yet; they may come again at once
	waiters   sync.Pool    // of *waiter
}

// Process is the gate of the one interpreter that a process can have.
var Process Gate

// Begin moves New to Starting. It fails with the state's error anywhere else.
func (g *Gate) Begin() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != New {
		return g.refusal()
	}
	g.state = Starting
	return nil
}

// Open moves Starting to Running.
func (g *Gate) Open(o Options) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opts = o.withDefaults()
	g.quota = g.opts.Base
	g.state = Running
}

// Retract moves Starting back to New: nothing was begun that cannot be tried again.
func (g *Gate) Retract() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state = New
}

// Fail moves Starting to Failed, for ever; every entry reports why.
func (g *Gate) Fail(why error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state, g.failure = Failed, why
}

// State is the present state.
func (g *Gate) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state
}

func (g *Gate) refusal() error {
	switch g.state {
	case New, Starting:
		return ErrNotStarted
	case Failed:
		return fmt.Errorf("%w: %w", ErrFailed, g.failure)
	default:
		return ErrClosed
	}
}

// Enter waits for a permit. The label says in reports what the caller does inside. The error wraps
// ctx's when it ended first, or is a refusal. Not for a goroutine that holds a permit: it would wait
// for itself.
func (g *Gate) Enter(ctx context.Context, label string) (*Permit, error) {
	return g.EnterAgain(ctx, label, nil)
}

// EnterAgain is [Gate.Enter] for a caller that may have stepped out on this very OS thread: where onThread says so and
// there is no thread for a newcomer, it comes in at once, as it needs none, and those who have one may wait for it.
// onThread is called with the gate's lock held, and only there; nil where the caller knows that it has not.
func (g *Gate) EnterAgain(ctx context.Context, label string, onThread func() bool) (*Permit, error) {
	if err := ctx.Err(); err != nil {
		return nil, waitError(ctx)
	}
	g.mu.Lock()
	if g.state != Running {
		defer g.mu.Unlock()
		return nil, g.refusal()
	}
	if g.vacant() || onThread != nil && !g.threadFor(g.out()+1) && onThread() {
		p := g.grant(label)
		g.mu.Unlock()
		return p, nil
	}
	if err := g.exhausted(); err != nil {
		g.mu.Unlock()
		return nil, err
	}
	w := g.enqueue(&g.queue, g.newWaiter(label, nil))
	g.mu.Unlock()
	return g.wait(ctx, w)
}

// TryEnter is [Gate.Enter] for a caller that will not wait: ok is false when it would have to, or does not know.
func (g *Gate) TryEnter(label string) (p *Permit, ok bool, err error) {
	if g.returning.Load() > 0 {
		return nil, false, nil // without the lock, which those who do wait need
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != Running {
		return nil, false, g.refusal()
	}
	if !g.vacant() {
		return nil, false, nil
	}
	return g.grant(label), true, nil
}

func (g *Gate) wait(ctx context.Context, w *waiter) (*Permit, error) {
	select {
	case <-w.ready:
		return w.result()
	case <-ctx.Done():
	}
	g.mu.Lock()
	if g.queue.remove(w) {
		g.mu.Unlock()
		w.recycle()
		return nil, waitError(ctx)
	}
	g.mu.Unlock()
	// Granted or refused at the same moment: a permit goes to the next in line.
	<-w.ready
	if p, err := w.result(); err == nil {
		p.Leave()
	}
	return nil, waitError(ctx)
}

func waitError(ctx context.Context) error {
	return fmt.Errorf("waiting to enter python: %w", Ended(ctx))
}

// Ended is why ctx ended: its cause, which is its error too for errors.Is.
func Ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w (%w)", cause, err)
}

// enqueue with mu held.
func (g *Gate) enqueue(l *waitList, w *waiter) *waiter {
	l.push(w)
	g.waits.Add(1)
	g.startTicking()
	return w
}

// refuseAll with mu held: newcomers that wait will not be let in.
func (g *Gate) refuseAll() {
	g.refuseQueue(ErrClosed)
	for p := g.inside.first; p != nil; p = p.next {
		g.yield(p)
	}
}

// refuseQueue with mu held: the newcomers that wait get err.
func (g *Gate) refuseQueue(err error) {
	for w := g.queue.pop(); w != nil; w = g.queue.pop() {
		if w.batch != nil {
			w.batch.refuse(err)
		} else {
			w.refuse(err)
		}
	}
}

// Drain stops admission, refuses those who wait, and waits until nobody is inside. When ctx ends
// first the error wraps its cause and names who is left. Later calls wait again.
func (g *Gate) Drain(ctx context.Context) error {
	g.mu.Lock()
	if g.state == Running {
		g.state = Draining
		g.drained = make(chan struct{})
		g.refuseAll()
		g.signalDrained()
	}
	if g.state == Draining {
		g.startTicking()
	}
	drained := g.drained
	g.mu.Unlock()
	if drained == nil {
		return nil
	}
	select {
	case <-drained:
		return nil
	default:
	}
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		return &DrainError{Inside: g.Inside(), Cause: Ended(ctx)}
	}
}

// signalDrained with mu held.
func (g *Gate) signalDrained() {
	if g.state == Draining && g.out() == 0 {
		close(g.drained)
		g.state = Closed
	}
}

// Close moves any state but Failed to Closed, whoever is inside, and refuses those who wait.
func (g *Gate) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == Draining {
		close(g.drained)
	}
	if g.state != Failed {
		g.state = Closed
	}
	g.refuseAll()
}

// DrainError says who was still inside when the time to leave was over.
type DrainError struct {
	Inside []string // labels, oldest first
	Cause  error
}

func (e *DrainError) Error() string {
	return fmt.Sprintf("python calls still running: %d %q: %v", len(e.Inside), e.Inside, e.Cause)
}

func (e *DrainError) Unwrap() error { return e.Cause }
