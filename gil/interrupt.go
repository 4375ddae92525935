package gil

import (
	"fmt"
	"time"

	"github.com/gopyrpc/gopyrpc/internal/interrupt"
)

// Patience, 250 ms, is how long a caller whose context has ended waits for its call to react before it leaves
// the call behind, and the time between two attempts to interrupt the same call.
const Patience = interrupt.Patience

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
	Label     string        `json:"label"`
	For       time.Duration `json:"for_ns"`    // since its context ended
	Stack     string        `json:"stack"`     // Python's, when it was last looked at; empty before that
	Abandoned bool          `json:"abandoned"` // its permit was given back while it is in Python
}

func stuckCalls(all []interrupt.Stuck) []StuckCall {
	calls := make([]StuckCall, len(all))
	for i, c := range all {
		calls[i] = StuckCall(c)
	}
	return calls
}

// Stall says why no call can begin any more: until one ends, and it may be in C for good.
type Stall struct {
	Reason  string
	Waiting int         // callers that wait to enter
	Inside  []string    // labels of the calls that are in Python, or wait for the GIL there
	Calls   []StuckCall // those of them whose context has ended
}

// OnStall has f called, with what is known of the stall, when Python stalls. Python stalls when everybody inside is a
// call whose context has ended and that runs on, and there is no permit, or no thread, for another call. Where some of
// those inside are other calls, that is a stall once callers have waited for five seconds and none of them came in. It
// is a stall too when an interruption does not get the GIL for five seconds. When the stall has ended f
// is called with nil; the end of Python is not the end of a stall. Calls of f follow each other, on a goroutine that f
// shares with no other function: an f that blocks misses what changes meanwhile, and holds up no other function. The
// returned function ends the calls of f; a call may be in progress still.
//
//   - GIL: not needed; f is called without it
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func OnStall(f func(*Stall)) (stop func()) {
	return interrupt.OnStall(func(s *interrupt.Stall) {
		if s == nil {
			f(nil)
			return
		}
		f(&Stall{Reason: s.Reason, Waiting: s.Waiting, Inside: s.Inside, Calls: stuckCalls(s.Calls)})
	})
}
