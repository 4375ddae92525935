package gil

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pyrpc/pyrpc/internal/gate"
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
	telling  bool
}

type stallWatcher struct {
	call func(*Stall)
	told *Stall // what it was told last
}

var stalled stalls

// OnStall has f called, with what is known of it, when Python stalls: when all who are inside are calls whose context has
// ended and that run on, and there is no permit, or no thread, for another; or when the GIL was not to be had for five
// seconds by who wants to interrupt a call. When that is over f is called with nil. Calls of f follow each other, on a
// goroutine of their own, and those of several functions are in the order in which these were given. The function returned ends that; a call of f may be in progress still.
//
// GIL: not needed; f is called without it
// Thread: any
// Ref: none
// Blocks: no
func OnStall(f func(*Stall)) (stop func()) {
	w := &stallWatcher{call: f}
	stalled.mu.Lock()
	defer stalled.mu.Unlock()
	stalled.watchers = append(stalled.watchers, w)
	stalled.startTelling()
	return func() {
		stalled.mu.Lock()
		defer stalled.mu.Unlock()
		stalled.watchers = slices.DeleteFunc(stalled.watchers, func(other *stallWatcher) bool { return other == w })
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
	if !s.telling && s.next() != nil {
		s.telling = true
		go s.tell()
	}
}

// next with mu held is a watcher who does not know the present yet.
func (s *stalls) next() *stallWatcher {
	for _, w := range s.watchers {
		if w.told != s.present {
			return w
		}
	}
	return nil
}

func (s *stalls) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := s.next(); w != nil; w = s.next() {
		w.told = s.present
		s.mu.Unlock()
		w.call(w.told)
		s.mu.Lock()
	}
	s.telling = false
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
