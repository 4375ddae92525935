package agent

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/membership"
	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/cleanup"
)

// registerSteps has the agent closed in its place among everything else that the process must release.
func (a *Agent) registerSteps() error {
	if err := a.config.Cleanup.Register(cleanup.PhaseAgent, "agent "+a.config.Name, a.stop); err != nil {
		return err
	}
	return a.config.Cleanup.Register(cleanup.PhaseRRefs, "RRefs of agent "+a.config.Name, a.rrefs.close)
}

// Shutdown closes the agent at once: new calls are refused, calls in progress end with ErrClosed, executions have
// their contexts cancelled, peers are told. It waits for the executions as long as ctx allows. Then it runs
// the Cleanup registry. A second call does nothing but return the first one's report.
//
// Torch: rpc.shutdown(graceful=False).
func (a *Agent) Shutdown(ctx context.Context) (cleanup.Report, error) {
	return a.config.Cleanup.Run(ctx)
}

// stop is the agent's step in the cleanup.
func (a *Agent) stop(ctx context.Context) error {
	a.tellLeader(ctx)
	a.activity.Close(errClosed())
	a.health.server.Shutdown()
	a.unserve()
	a.peers.close()

	err := a.activity.WaitEmpty(ctx)
	if err != nil {
		err = fmt.Errorf("agent: %d requests are still in execution: %w", a.activity.Load(), rpcerr.Within(err))
	}
	a.transport.StopServing(ctx, rpcerr.Closed(), rpcerr.Errorf(codes.Unavailable, "worker %s was shut down", a.config.Name))
	a.cancel()
	if !until(ctx, a.server.GracefulStop) {
		a.server.Stop()
	}
	_ = a.listener.Close() // it is open still if nobody served
	a.transport.Wait()
	if a.following.Load() { // a group that is entered only now ends with the agent's context
		<-a.followed
	}
	return err
}

// farewell bounds how long a worker that leaves without the others takes to say so.
const farewell = 500 * time.Millisecond

// tellLeader tells the leader of a group that a rendezvous has brought together that this worker leaves without joining. Else the
// others, in whose joins the leader waits for it, would have to find out that it has gone, and cannot for a minute where it
// was never called.
func (a *Agent) tellLeader(ctx context.Context) {
	if !a.complete() || a.parted.Load() || a.ctx.Err() != nil {
		return
	}
	leader := a.members.Leader()
	if leader == a.config.Name {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	_, _ = a.ask(ctx, ctx, leader, &agentpb.Activity{Phase: membership.PhaseLeft}) // an error means that the leader has gone too, or hears of it late
}

// until calls fn, and waits for it as long as ctx allows.
func until(ctx context.Context, fn func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}
