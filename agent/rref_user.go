package agent

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/backoff"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// tellAttempts is how often a message about an RRef is sent before it is given up.
const tellAttempts = 6

// Remote has a worker execute a request and keep the result, and returns an RRef to it. It does not wait for
// the worker: see [RRef.WaitConfirmed], and [RRef.ToHere] for the result. The end of ctx ends the request, not the
// execution, which req.ValueTimeout bounds.
//
// Torch: rpc.remote.
func (a *Agent) Remote(ctx context.Context, to string, req Request, typ []byte) (*RRef, error) {
	if to == a.config.Name {
		return a.remoteSelf(req, typ)
	}
	owner, err := a.Worker(to)
	if err != nil {
		return nil, err
	}
	r := a.userRRef(owner, a.rrefs.newID(), a.rrefs.newID(), typ)
	r.key = string(r.secret[:])
	ref := r.reference()
	ref.ValueTimeout = uint64(max(req.ValueTimeout, 0))
	c, err := a.begin(ctx, to, agentpb.Method_METHOD_REMOTE, req, ref)
	if err != nil {
		return nil, err
	}
	a.rrefs.addUser(r)
	a.rrefs.spawn(func() {
		_, err := a.finishSync(ctx, c)
		r.created(c, err)
	})
	return r, nil
}

// userRRef makes a user with a new secret.
func (a *Agent) userRRef(owner Worker, id, fork rrefID, typ []byte) *RRef {
	return &RRef{
		agent: a, owner: owner, id: id, fork: fork, typ: typ, secret: newSecret(),
		confirmed: make(chan struct{}), children: map[rrefID]*child{},
	}
}

// remoteSelf is Remote at the owner.
func (a *Agent) remoteSelf(req Request, typ []byte) (*RRef, error) {
	var o *owned
	err := a.rrefs.run(a.self(), a.rrefs.newID(), req.owned(), req.ValueTimeout, func(made *owned) {
		o = made
		o.handles = 1
	})
	if err != nil {
		return nil, err
	}
	return a.ownerRRef(o, typ), nil
}

// created notes the outcome of a Remote.
func (r *RRef) created(c *clientCall, err error) {
	if incarnation := c.Incarnation(); incarnation != 0 {
		r.incarnation = incarnation
	}
	r.err = uncreated(err)
	if err != nil && asError(err).Ran { // the owner may have made the value all the same
		r.agent.rrefs.spawn(func() { r.tell(r.owner.Name, agentpb.Method_METHOD_RREF_DELETE, r.reference()) })
	}
	if err != nil {
		r.agent.rrefs.dropUser(r)
	}
	close(r.confirmed)
	r.maybeDelete()
}

// What programs written for torch look for in an error of what they use an RRef for.
const (
	creationTimedOut = "RRef creation via rpc.remote() timed out, and it is possible that the RRef on the owner node does not exist: "
	creationFailed   = "RRef creation via rpc.remote() failed: "
)

// uncreated is the outcome of a Remote for those who use its RRef: which call has not come through, they would not know.
func uncreated(err error) error {
	if err == nil {
		return nil
	}
	e := *asError(err)
	switch e.Code {
	case codes.DeadlineExceeded:
		e.Text = creationTimedOut + e.Text
	case codes.Unavailable:
		e.Text = creationFailed + e.Text
	}
	return &e
}

// maybeDelete tells the owner that this user is gone, once it is released and no child depends on it.
func (r *RRef) maybeDelete() {
	select {
	case <-r.confirmed:
	default:
		return
	}
	r.mu.Lock()
	now := r.released && !r.deleting && len(r.children) == 0 && r.err == nil
	if now {
		r.deleting = true
	}
	r.mu.Unlock()
	if !now {
		return
	}
	r.agent.rrefs.spawn(func() {
		_ = r.tell(r.owner.Name, agentpb.Method_METHOD_RREF_DELETE, r.reference())
		r.agent.rrefs.dropUser(r)
	})
}

// child returns a fork that this user has made, unless the owner is known to know of it.
func (r *RRef) child(fork rrefID) (child, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.children[fork]; ok {
		return *c, true
	}
	return child{}, false
}

// tell sends a message about an RRef to a worker. It sends the message again if the connection failed: these messages are
// idempotent.
func (r *RRef) tell(to string, m agentpb.Method, ref *agentpb.Reference) (err error) {
	a := r.agent
	for attempt := 1; ; attempt++ {
		ctx, cancel := context.WithTimeout(a.ctx, a.config.ConnectTimeout)
		_, err = a.sync(ctx, to, m, Request{}, ref)
		cancel()
		if vacuous(m, err) {
			return nil
		}
		if err == nil || attempt == tellAttempts || a.ctx.Err() != nil || !temporary(err) {
			break
		}
		if backoff.Wait(a.serveCtx, backoff.Delay(attempt)) != nil {
			break
		}
	}
	if err != nil {
		a.log.Warn("agent: a worker could not be told of an RRef", "rref", r.String(), "worker", to, "what", m, "err", err)
	}
	return err
}

// vacuous says whether the error is that of a message which had been received before: its first answer was lost with the
// connection, and by then the reference is released, or the child known.
func vacuous(m agentpb.Method, err error) bool {
	switch m {
	case agentpb.Method_METHOD_RREF_DELETE, agentpb.Method_METHOD_RREF_ACCEPT:
		return err != nil && (asError(err).Code == codes.PermissionDenied || errors.Is(err, ErrOwnerGone))
	}
	return false
}

// spawn runs fn on a goroutine that counts as activity: a join waits for it.
func (t *rrefs) spawn(fn func()) {
	if t.agent.activity.Call(false) != nil {
		go fn() // the agent is closed: fn fails at once, and says so
		return
	}
	go func() {
		defer t.agent.activity.Done(false)
		fn()
	}()
}
