package interrupt

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gopyrpc/gopyrpc/internal/gate"
)

// heldTooLong is for how long the GIL may not be had before that is a [Stall].
const heldTooLong = 5 * time.Second

// Stall says why no call can begin any more: until one ends, and it may be in C for good.
type Stall struct {
	Reason  string
	Waiting int      // callers that wait to enter
	Inside  []string // labels of the calls that are in Python, or wait for the GIL there
	Calls   []Stuck  // those of them whose context has ended
}

// stalls notifies watchers when Python stalls and when the stall ends.
type stalls struct {
	mu sync.Mutex
	// guarded by mu
	present  *Stall // nil while there is none
	watchers []*stallWatcher
}

// stallWatcher has a goroutine of its own while it is being called, so that a watcher that blocks holds up no other.
type stallWatcher struct {
	call func(*Stall)

	// guarded by stalls.mu
	notified  *Stall // what it was called with last
	notifying bool
	stopped   bool
}

var stalled stalls

// OnStall has f called when Python stalls, and with nil when the stall has ended; gil.OnStall says when that is, and how f is
// called. The returned function ends the calls of f; a call may be in progress still.
func OnStall(f func(*Stall)) (stop func()) { return stalled.on(f) }

// Stalled is why no call can begin; empty when calls can.
func Stalled() string { return stalled.why() }

func (s *stalls) on(f func(*Stall)) (stop func()) {
	w := &stallWatcher{call: f}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers = append(s.watchers, w)
	s.startNotifyingLocked()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		w.stopped = true
		s.watchers = slices.DeleteFunc(s.watchers, func(other *stallWatcher) bool { return other == w })
	}
}

// begin notes a stall, unless there is one.
func (s *stalls) begin(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.present != nil {
		return
	}
	s.present = &Stall{Reason: reason, Waiting: gate.Process.Stats().Queue, Inside: gate.Process.Inside(), Calls: watching.stuck()}
	s.startNotifyingLocked()
}

// end notes that Python does not stall any more.
func (s *stalls) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.present = nil
	s.startNotifyingLocked()
}

// why is the reason of the present stall, empty while there is none.
func (s *stalls) why() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.present == nil {
		return ""
	}
	return s.present.Reason
}

// startNotifyingLocked has each watcher called that does not know of the present stall.
func (s *stalls) startNotifyingLocked() {
	for _, w := range s.watchers {
		if !w.notifying && w.notified != s.present {
			w.notifying = true
			go s.notify(w)
		}
	}
}

// notify calls w until it knows the present stall, or that there is none.
func (s *stalls) notify(w *stallWatcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !w.stopped && w.notified != s.present {
		present := s.present
		w.notified = present
		s.mu.Unlock()
		w.call(present)
		s.mu.Lock()
	}
	w.notifying = false
}

// set notes a stall, or none where the reason is empty.
func (s *stalls) set(reason string) {
	if reason == "" {
		s.end()
	} else {
		s.begin(reason)
	}
}

// whileWaiting runs attach, which waits for the GIL, and notes a stall when that takes too long. The watchdog's next round
// says that the stall has ended.
func (s *stalls) whileWaiting(attach func() error) error {
	var mu sync.Mutex
	over := false
	timer := time.AfterFunc(heldTooLong, func() {
		mu.Lock()
		defer mu.Unlock()
		if !over {
			s.begin(fmt.Sprintf("the GIL was not given up for %v: a call holds it in C code", heldTooLong))
		}
	})
	err := attach()
	timer.Stop()
	mu.Lock()
	defer mu.Unlock()
	over = true
	return err
}
