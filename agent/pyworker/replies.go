package pyworker

import (
	"context"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// answerer is who replies to a call of this worker.
type answerer struct {
	name string
	// bound says that the call was made for a function that this very worker has called, under a list: then its replies
	// are held to that too.
	bound bool
}

// answererOf reads the argument, if there is one, that says that the answerer is bound.
func answererOf(name string, a arguments, i int) answerer {
	bound, _ := a.at(i).(bool)
	return answerer{name, bound}
}

// list is what the replies may name; nil for anything.
func (from answerer) list(w *Worker) []string {
	if w.policy == nil || from.name == w.agent.Name() {
		return nil
	}
	if list := w.policy.Replies(from.name); list != nil || !from.bound {
		return list
	}
	return w.policy.Requests(from.name)
}

// replyRestricted is reply for one that is held to a list. What is refused is a RemoteException of this worker.
func (w *Worker) replyRestricted(ctx context.Context, reply agent.Reply, from agent.Peer) (any, error) {
	defer reply.Free()
	c, err := w.caller(ctx, from)
	if err != nil {
		return nil, err
	}
	a, err := w.admit(ctx, reply.Body, c.gate.Reply)
	if r, ok := refusedOf(err); ok {
		w.refusals.say(from.Name, r)
		r.what = " the reply of worker " + from.Name
		return r.pickled(w.agent.Name())
	}
	if err != nil {
		return nil, err
	}
	return pybridge.Given{Value: []any{a.data, a.beside, c.object}, Release: a.release}, nil
}
