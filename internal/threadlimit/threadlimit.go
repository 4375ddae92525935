// Package threadlimit says how many OS threads this process may have, and what bounds them.
//
// A call that is inside Python, or whose Python frames wait for something, holds an OS thread. The Go
// runtime makes threads as it needs them, and ends the process when the system refuses one
// ("pthread_create failed: Resource temporarily unavailable"). So code that is about to let one more call hold a thread
// asks first, and makes the caller wait or refuses it:
//
//	if err := threadlimit.Process.Allow(n, 0); err != nil { … } // err is a *threadlimit.Error
//
// n is the number of threads that the asker's calls would hold together, this one included. Each asker keeps its
// own count, and one that counts only a part of them gives what the rest may need as beside: the agent, which counts calls
// that wait for other workers, leaves room for calls that run.
//
// The Go runtime keeps a thread once it has made it, and gives it to the next that needs one. So a number that was
// allowed before is allowed again without a look at the system, which is one atomic load.
package threadlimit

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Bound is what the tightest limit leaves.
type Bound struct {
	Room    int    // how many more threads the process can make
	Limit   string // the limit and its present use, for people; empty where there is none
	Raise   string // how to raise it, for people
	Threads int    // how many the process has; 0 where that is not known
}

// Error is the refusal of a thread.
type Error struct {
	Threads int // how many the asker may have, at the time of asking
	Bound   Bound
}

func (e *Error) Error() string {
	return fmt.Sprintf("%d calls may hold a thread here at once: %s; %s", e.Threads, e.Bound.Limit, e.Bound.Raise)
}

// Always is how many threads are allowed without a look at the system: the runtime has them by then.
const Always = 4

// A look at the system is believed for so long.
const (
	lookBelieved    = time.Second
	refusalBelieved = 50 * time.Millisecond // or lookShare times as long as the look took, if that is more
	lookShare       = 50
)

// Limiter allows threads to calls. The zero value is not usable.
type Limiter struct {
	look func() Bound         // reads the system's limits
	now  func() time.Duration // monotonic
	kept int                  // threads that are left for everything that is no call

	peak atomic.Int64 // most threads that were ever allowed: they exist by now, or are accounted for

	mu sync.Mutex
	// guarded by mu
	seen     Bound // the last look
	seenAt   time.Duration
	took     time.Duration // the last look: with thousands of processes on the machine, tens of milliseconds
	seenPeak int64         // peak at that time
	made     int64         // how many of those threads there were at that time, by Always too many at most
	others   int64         // the fewest threads of everything else that a look has shown
	looked   bool
}

// Process is the limiter of this process.
var Process = newLimiter(Look, func() time.Duration { return time.Since(began) })

var began = time.Now()

// newLimiter leaves threads for the Go runtime's processors and its own work, for Python's threads, and for those that
// wait for peers.
func newLimiter(look func() Bound, now func() time.Duration) *Limiter {
	return &Limiter{look: look, now: now, kept: min(runtime.GOMAXPROCS(0), 16) + 8}
}

// Allow reports whether calls may hold n threads at once, with room for beside more. It is nil, or a *[Error]
// that names the limit and how to raise it. It does not block; where n is a number that was never reached before, it
// reads some files of /proc and /sys/fs/cgroup, at most a few times a second.
func (l *Limiter) Allow(n, beside int) error {
	want := int64(n + beside)
	if n <= Always || want <= l.peak.Load() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	peak := l.peak.Load()
	if l.stale(want, peak) {
		l.lookNow(peak)
	}
	if want > l.most() {
		return &Error{Threads: max(int(l.most())-beside, Always), Bound: l.seen}
	}
	l.peak.Store(max(peak, int64(n)))
	return nil
}

// lookNow with mu held reads the system's limits. A thread that was allowed just now may not have been made yet, and then
// the room that the system shows is also its own: so the threads that there are count, not those that were allowed.
func (l *Limiter) lookNow(peak int64) {
	began := l.now()
	l.seen, l.seenAt, l.seenPeak = l.look(), l.now(), peak
	l.took = l.seenAt - began
	threads := int64(l.seen.Threads)
	if !l.looked {
		l.others = threads - Always // which may be calls
	}
	l.looked = true
	l.others = max(min(l.others, threads-Always), 0)
	l.made = min(threads-l.others, peak)
}

// most with mu held is how many threads calls may have, as of the last look.
func (l *Limiter) most() int64 { return l.made + int64(max(l.seen.Room-l.kept, 0)) }

// stale with mu held: whether the last look is no answer to want. Others take threads too, so half of what it left is
// given out without another look. A refusal is repeated for a while: callers that are refused come in crowds, and
// a look that one of them waits for may keep others waiting.
func (l *Limiter) stale(want, peak int64) bool {
	if !l.looked {
		return true
	}
	age := l.now() - l.seenAt
	if want > l.most() {
		return age > max(refusalBelieved, lookShare*l.took)
	}
	return age > lookBelieved || peak-l.seenPeak > (l.most()-l.seenPeak)/2
}
