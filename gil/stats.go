package gil

import (
	"os"

	"github.com/gopyrpc/gopyrpc/internal/calltimes"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/interrupt"
)

// Snapshot is what [Stats] saw. torch's counterpart is the metric agent.gil_average_wait_time_us.
type Snapshot struct {
	State        string    `json:"state"`         // of the interpreter: new … closed
	Queue        int       `json:"queue"`         // callers that wait for a permit
	Inside       int       `json:"inside"`        // callers that have one
	Suspended    int       `json:"suspended"`     // callers that detached for a while
	Abandoned    int       `json:"abandoned"`     // stuck calls that gave their permits back
	Permits      int       `json:"permits"`       // permits in all
	MaxAbandoned int       `json:"max_abandoned"` // the most calls that may be abandoned
	Quota        int       `json:"quota"`         // callers let in together at present
	Peak         int       `json:"peak_inside"`   // most callers that were ever inside
	Queued       Histogram `json:"queued"`        // time in the queue, of callers that had to wait
	Wait         Histogram `json:"wait"`          // time from asking to holding the GIL
	Hold         Histogram `json:"hold"`          // time between taking the GIL and giving it back
	OSThreads    int       `json:"os_threads"`    // of the process; 0 where it cannot be known
	ThreadStates int       `json:"thread_states"` // warm Python thread states
	Pending      int       `json:"pending"`       // references that wait to be dropped
	Callbacks    int       `json:"callbacks"`     // Go functions that Python holds

	Interrupted int64       `json:"interrupted"` // calls whose context ended while they ran
	Stuck       []StuckCall `json:"stuck"`       // those of them that run still
	Stalled     string      `json:"stalled"`     // why no call can begin, see [OnStall]; empty when they can
}

// Stats is a snapshot; its parts are read one after the other, not at one instant.
//
//   - GIL: not needed
//   - Thread: any
//   - Ref: none
//   - Blocks: no
func Stats() Snapshot {
	g := gate.Process.Stats()
	return Snapshot{
		State: g.State.String(), Queue: g.Queue, Inside: g.Inside, Suspended: g.Suspended, Abandoned: g.Abandoned,
		Permits: g.Max, MaxAbandoned: g.MaxAbandoned, Quota: g.Quota, Peak: g.Peak,
		Queued: Histogram(calltimes.Queued.Counts()), Wait: Histogram(calltimes.Wait.Counts()), Hold: Histogram(calltimes.Hold.Counts()),
		OSThreads: osThreads(), ThreadStates: cpython.ThreadStates(), Pending: cpython.Pending(), Callbacks: cpython.Callbacks(),
		Interrupted: interrupt.Count(), Stuck: stuckCalls(interrupt.StuckCalls()), Stalled: interrupt.Stalled(),
	}
}

func osThreads() int {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0
	}
	return len(tasks)
}
