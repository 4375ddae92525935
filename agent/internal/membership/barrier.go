package membership

import (
	"context"
	"fmt"
	"sync"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// Barrier is a worker's part in the termination detection: it reports to the leader's [Detector] until that says that the
// group is quiet. It remembers how far it came, so that a second join after a failed one goes on from there. The zero value
// is ready for use.
type Barrier struct {
	mu    sync.Mutex
	phase uint32 // guarded by mu, like the rest
	round uint32
}

// Wait waits until the whole group is quiet in a phase; phases are numbered from 1. Report brings a report to the leader,
// and returns its verdict.
//
// Errors: the end of ctx, with what this worker has to do; report's.
func (b *Barrier) Wait(ctx context.Context, phase uint32, activity *Activity, report func(context.Context, *agentpb.Activity) (quiet bool, err error)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.phase > phase {
		return nil // passed in an earlier attempt
	}
	if b.phase < phase {
		b.phase, b.round = phase, 1
	}
	for {
		started, served, err := activity.WaitIdle(ctx)
		if err != nil {
			return rpcerr.Ended(err, fmt.Sprintf("%d calls are in progress here", activity.Load()))
		}
		quiet, err := report(ctx, &agentpb.Activity{Phase: phase, Round: b.round, Started: started, Served: served})
		if err != nil {
			return err
		}
		if quiet {
			b.phase, b.round = phase+1, 1
			return nil
		}
		b.round++
	}
}
