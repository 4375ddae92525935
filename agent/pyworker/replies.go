package pyworker

import (
	"context"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// answerer is the worker that replies to a call of this worker.
type answerer struct {
	name string
	// bound says that the call was made by a function which the answerer itself, restricted, had called. The list for its
	// requests holds for its replies too then.
	bound bool
}

// answererOf makes an answerer. The argument with index i, which may be missing, says whether it is bound.
func answererOf(name string, a arguments, i int) answerer {
	bound, _ := a.at(i).(bool)
	return answerer{name, bound}
}

// list returns the list for the replies; nil for a worker that is not restricted.
func (from answerer) list(w *Worker) []string {
	if w.policy == nil || from.name == w.agent.Name() {
		return nil
	}
	if list := w.policy.Replies(from.name); list != nil || !from.bound {
		return list
	}
	return w.policy.Requests(from.name)
}

// replyRestricted is reply for a restricted worker. A reply that is refused becomes a RemoteException of this worker.
func (w *Worker) replyRestricted(ctx context.Context, reply agent.Reply, from agent.Peer) (any, error) {
	defer reply.Free()
	c, err := w.caller(ctx, from)
	if err != nil {
		return nil, err
	}
	a, err := w.admit(ctx, reply.Body, c.gate.Reply)
	if r, ok := refusedOf(err); ok {
		w.refusals.add(from.Name, r)
		r.what = " the reply of worker " + from.Name
		return r.pickled(w.agent.Name())
	}
	if err != nil {
		return nil, err
	}
	return pybridge.Given{Value: []any{a.data, a.beside, c.object}, Release: a.release}, nil
}
