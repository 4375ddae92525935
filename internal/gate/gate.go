// Package gate decides, in Go, which callers may try to enter Python.
//
// A goroutine that waits for the GIL in C occupies an OS thread and cannot be cancelled; thousands of
// them kill the process. So callers wait here: first in, first out, given up when their context ends,
// and never more than a bounded number inside. The gate is also the interpreter's state machine: a call
// before the start, during the drain, or after the end is a plain error.
//
// # How many may be inside
//
// While one caller computes in Python, letting a second one in only makes them fight for the GIL; but
// a caller that has released the GIL to wait for something must not keep the others out. From outside
// the two look alike except in time. So the gate is an adaptive concurrency limit. It grants a quota of
// fresh permits, one to begin with, and a permit whose holder has stayed longer than a tick stops
// counting against the quota, up to Max permits in all. A quota whose fresh holders all overstayed is
// doubled, and a fresh holder that leaves in time takes the quota back down by one: short calls run one
// by one, blocking calls soon run Max at once, and a mixture settles in between.
//
// A holder whose caller has gone, and which does not end, is abandoned: it stops counting altogether, as
// code that is stuck in C would keep its place for good. Only MaxAbandoned holders can be, as each has an
// OS thread.
//
// Max does not bind a suspended holder that resumes: those inside may be waiting for what
// its Python frames hold, a lock say, and it has its OS thread anyway. What bounds the threads is
// Total, and what the system lets the process have (Options.Threads): newcomers wait while that many are
// inside, abandoned, or suspended.
//
// # What a permit is for
//
// A permit has one holder. Most often that is the goroutine that entered. A [Holder] does the work of many callers one
// after the other, as package batch has it; holder.go is all that the gate knows of that.
package gate

import (
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
	Total int           // permits, abandoned ones and suspended holders in all
	Base  int           // permits of callers that do not overstay; 1 where there is a GIL
	Tick  time.Duration // how long a caller may stay before it counts as blocking
	// Threads returns nil where n holders, inside, abandoned or suspended, may have an OS thread each at once, and else
	// an error that says why not. Without Threads nothing but Total bounds them. It is called with the gate's lock held, for
	// every newcomer, and must not block.
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
	inside    permitList // the permits that are out, and neither suspended nor abandoned
	resuming  placeList  // suspended holders that want in again; before the queue
	queue     placeList  // newcomers
	quota     int
	fresh     [2]int // permits granted in this tick and in the one before
	stale     int    // permits older than that
	tick      uint64
	drained   chan struct{} // closed when Draining and nobody is inside
	peak      int
	entries   uint64     // how often a permit was granted or taken back
	suspended permitList // holders that are outside Python for a while
	abandoned permitList // see Abandon
	ids       []*Permit  // by Permit.id-1; nil where free
	reclaim   func() int // see Reclaim
	still     standstill // see Blocked

	ticker    ticker.Ticker
	waits     atomic.Int64 // entries that had to wait
	returning atomic.Int32 // see Locked.LetGo
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

// Fail moves Starting to Failed, for ever. The error of every entry from then on wraps why.
func (g *Gate) Fail(why error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state, g.failure = Failed, why
}

// State returns the present state.
func (g *Gate) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state
}

// refusal is why nobody may enter in the present state. The caller must hold mu.
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
