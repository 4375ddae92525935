package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// A group is quiet when nobody has a call without an outcome or a request in execution, and so nothing can
// begin any more. No worker can see that by itself: when it looks at the second peer, the first may have
// been woken by a third. So the leader asks in rounds. A worker reports when it has nothing to do, with the
// calls it has made and served so far. If all report in two rounds, and every count is the same in both,
// then nobody did anything between its two reports, and all of these times contain the moment at which the
// first round was complete: at that moment the whole group was quiet.

// leader collects the reports of the group. The worker with the lowest rank has it.
type leader struct {
	watch  func(*round) // looks for the workers that have not reported, until the round is over
	mu     sync.Mutex
	phase  uint32
	round  *round
	before map[string]*agentpb.Activity // the round before, of this phase
	seen   map[string]bool              // who has reported in this phase at all
	last   *round                       // the one that was concluded last, for who gave up just before
}

// round is one round of reports.
type round struct {
	phase   uint32
	number  uint32
	reports map[string]*agentpb.Activity
	over    chan struct{} // closed when all have reported
	quiet   bool          // the verdict; written before over is closed
	err     *Error        // or why there is none; likewise
	watched bool          // somebody looks for the workers that have not reported; guarded by leader.mu
}

// outcome is for who has seen that the round is over.
func (r *round) outcome() (quiet bool, err error) {
	if r.err != nil {
		return false, r.err
	}
	return r.quiet, nil
}

func newRound(phase, n uint32) *round {
	return &round{phase: phase, number: n, reports: map[string]*agentpb.Activity{}, over: make(chan struct{})}
}

func newLeader(watch func(*round)) *leader {
	return &leader{watch: watch, phase: 1, round: newRound(1, 1), seen: map[string]bool{}}
}

// report takes a worker's report and waits for the others'.
func (l *leader) report(ctx context.Context, from string, act *agentpb.Activity, everybody []string) (quiet bool, err error) {
	l.mu.Lock()
	r := l.round
	if l.last != nil && act.GetPhase() == l.last.phase && act.GetRound() == l.last.number {
		defer l.mu.Unlock() // it gave up waiting when the verdict was on its way
		return l.last.quiet, nil
	}
	if act.GetPhase() != l.phase || act.GetRound() != r.number {
		defer l.mu.Unlock()
		return false, failure(codes.FailedPrecondition, "the group's join is at step %d.%d, worker %s at %d.%d: was it restarted?",
			l.phase, r.number, from, act.GetPhase(), act.GetRound())
	}
	l.seen[from] = true
	r.reports[from] = act
	if len(r.reports) == len(everybody) {
		l.conclude()
	} else if !r.watched {
		r.watched = true
		go l.watch(r)
	}
	l.mu.Unlock()

	select {
	case <-r.over:
		return r.outcome()
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-r.over:
		return r.outcome()
	default:
	}
	missing := l.missing(everybody)
	if r.reports[from] == act { // and not a newer one of a second attempt, which may be here already
		delete(r.reports, from)
	}
	e := ended(ctx.Err(), "waiting for the group to be quiet: "+missing)
	return false, e
}

// conclude judges a complete round and begins the next. Called with mu held.
func (l *leader) conclude() {
	r := l.round
	r.quiet = l.before != nil
	for name, act := range r.reports {
		last := l.before[name]
		if last == nil || last.GetStarted() != act.GetStarted() || last.GetServed() != act.GetServed() {
			r.quiet = false
		}
	}
	if r.quiet {
		l.phase++
		l.round, l.before, l.seen = newRound(l.phase, 1), nil, map[string]bool{}
	} else {
		l.round, l.before = newRound(l.phase, r.number+1), r.reports
	}
	l.last = r
	close(r.over)
}

// missing says who is waited for. Called with mu held.
func (l *leader) missing(everybody []string) string {
	var absent, busy []string
	for _, name := range everybody {
		switch {
		case l.round.reports[name] != nil:
		case l.seen[name]:
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

// joining is how far this worker's join is, so that a second Join after a failed one goes on from there.
type joining struct {
	mu    sync.Mutex
	phase uint32
	round uint32
}

// barrier waits until the whole group is quiet in this phase.
func (a *Agent) barrier(ctx context.Context, phase uint32) error {
	j := &a.joining
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.phase > phase {
		return nil // passed in an earlier attempt
	}
	if j.phase < phase {
		j.phase, j.round = phase, 1
	}
	for {
		started, served, err := a.activity.waitIdle(ctx)
		if err != nil {
			return ended(err, fmt.Sprintf("%d calls are in progress here", a.activity.load()))
		}
		act := &agentpb.Activity{Phase: phase, Round: j.round, Started: started, Served: served}
		quiet, err := a.report(ctx, act)
		if err != nil {
			return err
		}
		if quiet {
			j.phase, j.round = phase+1, 1
			return nil
		}
		j.round++
	}
}

// report brings this worker's report to the leader.
func (a *Agent) report(ctx context.Context, act *agentpb.Activity) (bool, error) {
	workers := a.group.all()
	first := workers[0].Name
	if first == a.config.Name {
		return a.leader.report(ctx, first, act, a.everybody())
	}
	// The leader knows who is missing, and needs time to say it.
	if deadline, ok := ctx.Deadline(); ok {
		margin := min(time.Until(deadline)/8, time.Second)
		short, cancel := context.WithDeadline(ctx, deadline.Add(-margin))
		defer cancel()
		reply, err := a.ask(ctx, short, first, act)
		return reply, err
	}
	return a.ask(ctx, ctx, first, act)
}

// ask sends the report with one deadline and waits for the answer with another.
func (a *Agent) ask(wait, travel context.Context, to string, act *agentpb.Activity) (bool, error) {
	c, err := a.begin(wait, to, agentpb.Method_METHOD_QUIESCE, Request{}, act)
	if err != nil {
		return false, err
	}
	c.deadline, _ = travel.Deadline()
	reply, err := a.finishSync(wait, c)
	if err != nil {
		return false, err
	}
	var v agentpb.Verdict
	if len(reply.Body) != 1 || proto.Unmarshal(reply.Body[0], &v) != nil {
		return false, failure(codes.Internal, "worker %s answered a report with something else", to)
	}
	return v.GetQuiet(), nil
}

// serveQuiesce is the leader's side of ask.
func (a *Agent) serveQuiesce(ctx context.Context, from *Peer, detail proto.Message) (Body, error) {
	act, ok := detail.(*agentpb.Activity)
	if !ok {
		return nil, failure(codes.InvalidArgument, "a report without activity")
	}
	everybody := a.everybody()
	if everybody[0] != a.config.Name {
		return nil, failure(codes.FailedPrecondition, "the leader is %s, not %s", everybody[0], a.config.Name)
	}
	quiet, err := a.leader.report(ctx, from.Name, act, everybody)
	if err != nil {
		return nil, err
	}
	b, err := proto.Marshal(&agentpb.Verdict{Quiet: quiet})
	return Bytes(b), err
}

func (a *Agent) everybody() []string {
	workers := a.group.all()
	names := make([]string, len(workers))
	for i, w := range workers {
		names[i] = w.Name
	}
	return slices.Clip(names)
}
