package membership

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// twinPatience is how long a worker that came second under a name waits for the rest of the group before it is told alone.
// Workers of one group start together.
const twinPatience = 5 * time.Second

// JoinTwin is Join for a worker that has the coordinator's own name, and so can be no member. It returns nil where that is
// no twin, as it wants the coordinator's rank, or none.
func (c *Coordinator) JoinTwin(ctx context.Context, m *agentpb.Member) error {
	if !c.isTwin(m) {
		return nil
	}
	return c.waitTwinned(ctx)
}

// isTwin says whether a worker that was not admitted is a twin of one that was, and counts it then, until waitTwinned returns.
func (c *Coordinator) isTwin(m *agentpb.Member) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.joined[m.GetName()]
	if known == nil || c.closed || c.group != nil || c.isFailed() {
		return false
	}
	first, second := known.member.GetRank(), m.GetRank()
	if first < 0 || second < 0 || first == second || int(second) >= c.size {
		return false
	}
	c.twins++
	c.twinned = rpcerr.Errorf(codes.AlreadyExists, "the worker name %s is not unique: the workers of ranks %d and %d have it: give each worker a name of its own",
		m.GetName(), min(first, second), max(first, second))
	c.log.Warn("agent: two workers have one name", "worker", m.GetName(), "ranks", []int32{first, second})
	c.failIfAllLocked()
	return true
}

// waitTwinned waits for the rest of the group, for a twin that was counted, and returns what is wrong.
func (c *Coordinator) waitTwinned(ctx context.Context) error {
	timer := time.NewTimer(twinPatience)
	defer timer.Stop()
	select {
	case <-c.failed:
	case <-timer.C:
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.twins--
	return c.twinned
}

// failIfAllLocked tells all workers, once they are there, that there are twins among them.
func (c *Coordinator) failIfAllLocked() {
	if c.twins > 0 && c.group == nil && !c.isFailed() && len(c.joined)+c.twins >= c.size {
		close(c.failed)
	}
}

func (c *Coordinator) isFailed() bool {
	select {
	case <-c.failed:
		return true
	default:
		return false
	}
}
