package agent

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent/internal/backoff"
	"github.com/gopyrpc/gopyrpc/agent/internal/membership"
	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/cleanup"
)

// Join ends the group together: it waits until every worker has called Join and nobody has a call in
// progress, gives back what is left of RRefs, waits again, and then does what Shutdown does. Until all
// have joined, this worker goes on serving, and may call.
//
// In an open group (Rendezvous.Open) a worker joins alone: it waits for what it has in progress, is taken off the list, and goes
// when all others have seen that. The coordinator waits until all others have gone.
//
// A worker that lives may take its time: Join has no deadline of its own. One that has ended without joining ends the
// join of all others: at once in a group that a rendezvous has brought together, after Config.StartTimeout in
// one that Config.Peers names, as it may be started again; and after a minute if it cannot be reached, and nothing
// says that it has ended. A join outlives connections that are lost and come back within that minute.
//
// Errors: the end of ctx, with the names of those who were waited for; codes.Unavailable, with the name of the worker that
// has gone; whatever kept this worker from talking with the leader (the worker with the lowest rank). The agent is open
// then: Join can be tried again, or Shutdown be called. ErrLeaked, with what is left, if RRefs of this worker were still used by
// others; the agent is closed then, the report has them too.
//
// Torch: rpc.shutdown(graceful=True), _wait_all_workers and _delete_all_user_and_unforked_owner_rrefs.
func (a *Agent) Join(ctx context.Context) (cleanup.Report, error) {
	if err := a.WaitReady(ctx); err != nil {
		return cleanup.Report{}, err
	}
	part := a.partTogether
	if a.isOpen() {
		part = a.leaveOpenGroup
	}
	if err := part(ctx); err != nil {
		return cleanup.Report{}, err
	}
	a.parted.Store(true)
	report, err := a.Shutdown(ctx)
	if errors.Is(err, cleanup.ErrLeaked) {
		err = errors.Join(ErrLeaked, err)
	}
	return report, err
}

// partTogether waits until the whole group has nothing to do, twice: the release of RRefs is something to do.
func (a *Agent) partTogether(ctx context.Context) error {
	if err := a.quiet(ctx, 1); err != nil {
		return err
	}
	if a.coordinator != nil {
		a.coordinator.Close()
	}
	a.rrefs.releaseUsers()
	return a.quiet(ctx, 2)
}

// quiet waits until no worker of the group has anything to do, in this phase of the join.
func (a *Agent) quiet(ctx context.Context, phase uint32) error {
	if err := a.barrier.Wait(ctx, phase, &a.activity, a.report); err != nil {
		return asError(err)
	}
	return nil
}

// report brings this worker's report to the leader.
func (a *Agent) report(ctx context.Context, act *agentpb.Activity) (quiet bool, err error) {
	leader := a.members.Leader()
	if leader == a.config.Name {
		return a.detector.Report(ctx, leader, act)
	}
	travel := ctx
	if deadline, ok := ctx.Deadline(); ok { // the leader knows who is missing, and needs time to say it
		margin := min(time.Until(deadline)/8, time.Second)
		short, cancel := context.WithDeadline(ctx, deadline.Add(-margin))
		defer cancel()
		travel = short
	}
	return a.askAgain(ctx, travel, leader, act)
}

// askAgain is ask that outlives a connection. A process that is stopped or starved for longer than Config.Keepalive allows loses its
// connections, and goes on: its report is sent by the next connection, as the leader knows a report that it had. The error of
// the lost connection stays where nothing listens any more at the leader's address: the leader may have said there why it left.
func (a *Agent) askAgain(wait, travel context.Context, leader string, act *agentpb.Activity) (quiet bool, err error) {
	var lost error
	var since time.Time
	for attempt := 1; ; attempt++ {
		quiet, err = a.ask(wait, travel, leader, act)
		switch {
		case errors.Is(err, transport.ErrLost):
			lost, since, attempt = err, time.Now(), 1
		case lost == nil, answered(err), !temporary(err), errors.Is(err, ErrClosed), time.Since(since) >= membership.JoinPatience:
			return quiet, err
		case errors.Is(err, transport.ErrRefused):
			return false, lost
		}
		if err := backoff.Wait(wait, backoff.Delay(attempt)); err != nil {
			return false, ended(err, "connecting to the leader again").about(leader, true)
		}
	}
}

// answered says whether a call has an outcome that its worker gave.
func answered(err error) bool {
	var e *Error
	return err == nil || errors.As(err, &e) && e.Ran && !errors.Is(err, transport.ErrLost)
}

// ask sends the report with one deadline and waits for the answer with another.
func (a *Agent) ask(wait, travel context.Context, to string, act *agentpb.Activity) (quiet bool, err error) {
	c, err := a.begin(wait, to, agentpb.Method_METHOD_QUIESCE, Request{}, act)
	if err != nil {
		return false, err
	}
	c.Deadline, _ = travel.Deadline()
	reply, err := a.finishSync(wait, c)
	if err != nil {
		return false, err
	}
	var v agentpb.Verdict
	if len(reply.Body.Segments()) != 1 || proto.Unmarshal(reply.Body.Bytes(), &v) != nil {
		return false, failure(codes.Internal, "worker %s answered a report with something else", to)
	}
	return v.GetQuiet(), nil
}

// serveReport is the leader's side of ask.
func serveReport(ctx context.Context, a *Agent, from *Peer, _ Request, detail proto.Message) (Reply, error) {
	act, ok := detail.(*agentpb.Activity)
	if !ok {
		return Reply{}, failure(codes.InvalidArgument, "a report without activity")
	}
	if leader := a.members.Leader(); leader != a.config.Name {
		return Reply{}, failure(codes.FailedPrecondition, "the leader is %s, not %s", leader, a.config.Name)
	}
	if act.GetPhase() == membership.PhaseLeft {
		a.detector.Left(from.Name)
		return Reply{}, nil
	}
	quiet, err := a.detector.Report(ctx, from.Name, act)
	if err != nil {
		return Reply{}, err
	}
	b, err := proto.Marshal(&agentpb.Verdict{Quiet: quiet})
	return Reply{Body: Bytes(b)}, err
}
