package gil

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
	Waiting int         // callers that wait to enter
	Inside  []string    // labels of the calls that are in Python, or wait for the GIL there
	Calls   []StuckCall // those of them whose context has ended
}

// stalls tells those who want to know when Python stalls and when that is over.
type stalls struct {
	mu sync.Mutex
	// guarded by mu
	present  *Stall // nil while there is none
	watchers []*stallWatcher
}

// stallWatcher has a goroutine of its own while it is told something, so that one that blocks holds up no other.
type stallWatcher struct {
	call func(*Stall)

	// guarded by stalls.mu
	told    *Stall // what it was told last
	telling bool
	stopped bool
}

var stalled stalls

// OnStall has f called, with what is known of the stall, when Python stalls. Python stalls when everybody inside is a
// call whose context has ended and that runs on, and there is no permit, or no thread, for another call. Where some of
// those inside are other calls, that is a stall once callers have waited for five seconds and none of them came in. It
// is a stall too when whoever wants to interrupt a call does not get the GIL for five seconds. When the stall is over f
// is called with nil; the end of Python is not the end of a stall. Calls of f follow each other, on a goroutine that f
// shares with no other function: an f that blocks misses what changes meanwhile, and holds up nobody. The function
// returned ends the calls; one of them may be in progress still.
//
// GIL: not needed; f is called without it
// Thread: any
// Ref: none
// Blocks: no
func OnStall(f func(*Stall)) (stop func()) { return stalled.on(f) }

func (s *stalls) on(f func(*Stall)) (stop func()) {
	w := &stallWatcher{call: f}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers = append(s.watchers, w)
	s.startTelling()
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
	s.present = &Stall{Reason: reason, Waiting: gate.Process.Stats().Queue, Inside: gate.Process.Inside(), Calls: watchdog.stuck()}
	s.startTelling()
}

// end notes that there is none any more.
func (s *stalls) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.present = nil
	s.startTelling()
}

// why is the present one's reason, empty while there is none.
func (s *stalls) why() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.present == nil {
		return ""
	}
	return s.present.Reason
}

// startTelling with mu held.
func (s *stalls) startTelling() {
	for _, w := range s.watchers {
		if !w.telling && w.told != s.present {
			w.telling = true
			go s.tell(w)
		}
	}
}

// tell calls w until it knows the present stall, or that there is none.
func (s *stalls) tell(w *stallWatcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !w.stopped && w.told != s.present {
		present := s.present
		w.told = present
		s.mu.Unlock()
		w.call(present)
		s.mu.Lock()
	}
	w.telling = false
}

// set notes that there is one, or none where there is no reason.
func (s *stalls) set(reason string) {
	if reason == "" {
		s.end()
	} else {
		s.begin(reason)
	}
}

// whileWaiting runs attach, which waits for the GIL, and notes a stall when that takes too long. It is for the next
// look to say that it is over.
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
