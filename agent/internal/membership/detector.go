package membership

import (
	"context"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// Termination detection. A group is quiet when no worker has a call without an outcome or a request in execution, and so
// nothing can begin any more. No worker can see that by itself: when it looks at the second peer, a third may have woken the
// first. So the leader asks in rounds. A worker reports when it has nothing to do, with the calls that it has made and the
// requests that it has served so far. If all report in two rounds, and every count is the same in both, then no worker did
// anything between its two reports. All of these times contain the moment at which the first round was complete: at that
// moment the whole group was quiet.
//
// These are the two waves of the four-counter method (F. Mattern, "Algorithms for distributed termination detection",
// Distributed Computing 2, 1987, pages 161 to 175), with two differences. The four-counter method compares the sums of what
// was sent and received in the group, to find messages on their way. Here a call counts at its caller until its outcome
// is there: a worker that has nothing to do has nothing on its way, as where messages are acknowledged. And a worker reports
// only when it is idle, so that each worker's counts are compared with its own, as the black and white machines
// of E. W. Dijkstra, W. H. J. Feijen and A. J. M. van Gasteren (EWD 840, 1983) do.

// PhaseLeft is the phase in the report of a worker that leaves without joining: see [Detector.Left]. Phases are numbered from 1.
const PhaseLeft = 0

// Detector is the leader's part: it collects the reports of the group. Its methods may be called from any goroutine.
type Detector struct {
	config DetectorConfig

	mu     sync.Mutex
	phase  uint32 // guarded by mu, like the rest
	round  *round
	before map[string]*agentpb.Activity // the reports of the round before, of this phase
	seen   map[string]bool              // the workers that have reported in this phase at all
	last   *round                       // the one that was completed last, for a worker that gave up just before
	left   map[string]bool              // the workers that have said that they leave without joining
}

// round is one round of reports.
type round struct {
	phase   uint32
	number  uint32
	reports map[string]*agentpb.Activity
	watched bool          // a goroutine looks for the workers that have not reported; guarded by the detector's lock
	done    chan struct{} // closed when all have reported, or one of them never will
	quiet   bool          // the verdict; written before done is closed
	err     error         // or why there is none; likewise
}

// NewDetector returns a detector that is at the first round of phase 1.
func NewDetector(c DetectorConfig) *Detector {
	return &Detector{config: c, phase: 1, round: newRound(1, 1), seen: map[string]bool{}, left: map[string]bool{}}
}

// Left notes that a member leaves without joining: the others wait for it no more, and their joins fail.
func (d *Detector) Left(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left[name] = true
}

func (d *Detector) hasLeft(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.left[name]
}

func newRound(phase, n uint32) *round {
	return &round{phase: phase, number: n, reports: map[string]*agentpb.Activity{}, done: make(chan struct{})}
}

// Report takes a member's report, waits for those of the others, and returns the verdict: whether the group is quiet. If it
// is not, the member reports again, with the next number of a round.
//
// Errors: the end of ctx, with the names of the workers that were waited for; codes.Unavailable where one of them has gone;
// codes.FailedPrecondition for a report that belongs to another round.
func (d *Detector) Report(ctx context.Context, from string, act *agentpb.Activity) (quiet bool, err error) {
	r, err := d.enter(from, act)
	if err != nil {
		return false, err
	}
	select {
	case <-r.done:
		return r.quiet, r.err
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-r.done:
		return r.quiet, r.err
	default:
	}
	missing := d.missingLocked()
	if r.reports[from] == act { // and not a newer one of a second attempt, which may be here already
		delete(r.reports, from)
	}
	return false, rpcerr.Ended(ctx.Err(), "waiting for the group to be quiet: "+missing)
}

// enter notes a report, and returns the round that it belongs to.
func (d *Detector) enter(from string, act *agentpb.Activity) (*round, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.round
	if d.last != nil && act.GetPhase() == d.last.phase && act.GetRound() == d.last.number {
		return d.last, nil // the member gave up waiting when the verdict was on its way
	}
	if act.GetPhase() != d.phase || act.GetRound() != r.number {
		return nil, rpcerr.Errorf(codes.FailedPrecondition, "the group's join is at step %d.%d, worker %s at %d.%d: was it restarted?",
			d.phase, r.number, from, act.GetPhase(), act.GetRound())
	}
	d.seen[from] = true
	r.reports[from] = act
	if len(r.reports) == len(d.config.Members.All()) {
		d.completeLocked()
	} else if !r.watched {
		r.watched = true
		go d.watch(r)
	}
	return r, nil
}

// completeLocked judges a complete round, and begins the next.
func (d *Detector) completeLocked() {
	r := d.round
	r.quiet = d.before != nil
	for name, act := range r.reports {
		before := d.before[name]
		if before == nil || before.GetStarted() != act.GetStarted() || before.GetServed() != act.GetServed() {
			r.quiet = false
		}
	}
	if r.quiet {
		d.phase++
		d.round, d.before, d.seen = newRound(d.phase, 1), nil, map[string]bool{}
	} else {
		d.round, d.before = newRound(d.phase, r.number+1), r.reports
	}
	d.last = r
	close(r.done)
}

// fail ends a round for all that wait. A second attempt to join finds a new round of the same number.
func (d *Detector) fail(r *round, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.round != r {
		return // it was completed just now
	}
	r.err = err
	d.round = newRound(r.phase, r.number)
	close(r.done)
}

// missingLocked names the workers that are waited for, and says what is known of them.
func (d *Detector) missingLocked() string {
	var absent, busy []string
	for _, name := range d.config.Members.Names() {
		switch {
		case d.round.reports[name] != nil:
		case d.seen[name]:
			busy = append(busy, name)
		default:
			absent = append(absent, name)
		}
	}
	var parts []string
	if len(absent) > 0 {
		parts = append(parts, strings.Join(absent, ", ")+" did not join or has calls in progress")
	}
	if len(busy) > 0 {
		parts = append(parts, strings.Join(busy, ", ")+" joined and has calls in progress")
	}
	return strings.Join(parts, "; ")
}

// missing is missingLocked, without the lock.
func (d *Detector) missing() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.missingLocked()
}

// awaited are the workers that have not reported in a round. Going is false when no worker waits for them any more: the
// next report has the round watched anew.
func (d *Detector) awaited(r *round) (awaited []Member, going bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(r.reports) == 0 {
		r.watched = false
		return nil, false
	}
	for _, m := range d.config.Members.All() {
		if r.reports[m.Name] == nil {
			awaited = append(awaited, m)
		}
	}
	return awaited, true
}
