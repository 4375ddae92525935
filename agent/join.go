package agent

import (
	"context"
	"errors"

	"github.com/gopyrpc/gopyrpc/cleanup"
)

// Join ends the group together: it waits until every worker has called Join and nobody has a call in
// progress, gives back what is left of RRefs, waits again, and then does what Shutdown does. Until all
// have joined, this worker goes on serving, and may call.
//
// A worker that lives may take its time: Join has no deadline of its own. One that has ended without joining ends the
// join of all others: at once in a group that a rendezvous has brought together, after Config.StartTimeout in
// one that Config.Peers names, as it may be started again; and after a minute if it cannot be reached, and nothing
// says that it has ended.
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
	if err := a.barrier(ctx, 1); err != nil {
		return cleanup.Report{}, err
	}
	if a.meeting != nil {
		a.meeting.disband()
	}
	a.rrefs.releaseUsers()
	if err := a.barrier(ctx, 2); err != nil {
		return cleanup.Report{}, err
	}
	report, err := a.Shutdown(ctx)
	if errors.Is(err, cleanup.ErrLeaked) {
		err = errors.Join(ErrLeaked, err)
	}
	return report, err
}
