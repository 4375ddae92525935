package pyworker

import (
	"context"

	"github.com/gopyrpc/gopyrpc/pybridge"
)

// hostDebugInfo returns counts of the agent, and counts of its RRefs. Where torch counts the same, they have torch's names.
func (w *Worker) hostDebugInfo(context.Context, arguments) (any, error) {
	s := w.agent.Stats()
	count := func(name string, n int) pybridge.DictItem { return pybridge.DictItem{Key: name, Value: n} }
	return []any{
		pybridge.Dict{
			count("agent.calls", int(s.Calls)), count("agent.failures", int(s.Failures)), count("agent.served", int(s.Served)),
			count("agent.in_flight", s.InFlight), count("agent.connections", s.Connections),
			count("agent.queued_bytes", int(s.QueuedBytes)), count("agent.incoming_bytes", int(s.IncomingBytes)),
		},
		pybridge.Dict{
			count("num_owner_rrefs", s.RRefsShared), count("num_forks", s.RRefUsers),
			count("num_pending_users", s.RRefsPending), count("num_pending_futures", s.RRefsPending),
			count("num_user_rrefs", s.RRefsUsed), count("num_local_rrefs", s.RRefsOwned-s.RRefsShared),
		},
	}, nil
}
