package agent

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	agentpb "github.com/pyrpc/pyrpc/agent/proto"
)

// tellAttempts is how often a worker is told something about an RRef before it is given up.
const tellAttempts = 6

// Remote has a worker execute a request and keep the result, and returns an RRef to it. It does not wait for
// the worker: see [RRef.WaitConfirmed], and [RRef.ToHere] for the result. The end of ctx ends the
// asking, not the execution.
//
// Torch: rpc.remote.
func (a *Agent) Remote(ctx context.Context, to string, req Request, typ []byte) (*RRef, error) {
	if to == a.config.Name {
		return a.remoteSelf(req, typ)
	}
	owner, err := a.group.find(to)
	if err != nil {
		return nil, err
	}
	r := a.userRRef(owner, a.rrefs.newID(), a.rrefs.newID(), typ)
	c, err := a.begin(ctx, to, agentpb.Method_METHOD_REMOTE, req, r.reference(r.fork))
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

func (a *Agent) userRRef(owner Worker, id, fork rrefID, typ []byte) *RRef {
	return &RRef{
		agent: a, owner: owner, id: id, fork: fork, typ: typ,
		confirmed: make(chan struct{}), children: map[rrefID]hold{},
	}
}

// remoteSelf is Remote at the owner.
func (a *Agent) remoteSelf(req Request, typ []byte) (*RRef, error) {
	var o *owned
	err := a.rrefs.run(a.self(), a.rrefs.newID(), req.owned(), func(made *owned) {
		o = made
		o.handles = 1
	})
	if err != nil {
		return nil, err
	}
	return a.ownerRRef(o, typ), nil
}

// created notes what became of a Remote.
func (r *RRef) created(c *outcall, err error) {
	if s := c.session.Load(); s != nil {
		r.incarnation = s.peer.GetIncarnation()
	}
	r.err = err
	if err != nil && asError(err).Ran { // the owner may have made it all the same
		r.agent.rrefs.spawn(func() { r.tell(r.owner.Name, agentpb.Method_METHOD_RREF_DELETE, r.reference(r.fork)) })
	}
	if err != nil {
		r.agent.rrefs.dropUser(r)
	}
	close(r.confirmed)
	r.maybeDelete()
}

// Adopt makes an RRef of what [RRef.Fork] gave in another process, or in this one. It does not wait for the
// owner: see [RRef.WaitConfirmed]. A fork can be adopted once, by the worker that it was made for.
//
// Torch: what unpickling an RRef does.
func (a *Agent) Adopt(fork []byte) (*RRef, error) {
	var f agentpb.Fork
	if err := proto.Unmarshal(fork, &f); err != nil {
		return nil, failure(codes.InvalidArgument, "this is no fork of an RRef: %w", err)
	}
	owner, err := a.group.find(f.GetOwner())
	if err != nil {
		return nil, failure(codes.InvalidArgument, "an RRef whose owner is unknown: %w", err)
	}
	if _, err := a.group.find(f.GetParent()); err != nil {
		return nil, failure(codes.InvalidArgument, "an RRef whose parent is unknown: %w", err)
	}
	if owner.Name == a.config.Name {
		return a.adoptOwn(&f)
	}
	ref := f.GetReference()
	r := a.userRRef(owner, idOf(ref.GetRref()), idOf(ref.GetFork()), f.GetType())
	r.incarnation = ref.GetIncarnation()
	if !a.rrefs.addUser(r) {
		return nil, failure(codes.AlreadyExists, "fork %v of RRef %v was adopted here before: a fork is good for one use", r.fork, r.id)
	}
	if f.GetParent() == f.GetOwner() {
		close(r.confirmed) // the owner made the fork, and counted it then
		return r, nil
	}
	a.rrefs.spawn(func() {
		r.err = r.tell(owner.Name, agentpb.Method_METHOD_RREF_FORK, ref)
		if r.err != nil {
			a.rrefs.dropUser(r)
		}
		close(r.confirmed)
		r.maybeDelete()
		r.acceptedBy(f.GetParent(), ref)
	})
	return r, nil
}

// adoptOwn takes an RRef back at its owner.
func (a *Agent) adoptOwn(f *agentpb.Fork) (*RRef, error) {
	a.rrefs.mu.Lock()
	o, err := a.rrefs.lookup(a.self(), f.GetReference())
	if err == nil {
		o.handles++
	}
	a.rrefs.mu.Unlock()
	if err != nil {
		return nil, err
	}
	r := a.ownerRRef(o, f.GetType())
	if f.GetParent() == a.config.Name {
		a.rrefs.dropFork(o, idOf(f.GetReference().GetFork()))
		return r, nil
	}
	a.rrefs.spawn(func() { r.acceptedBy(f.GetParent(), f.GetReference()) })
	return r, nil
}

// acceptedBy tells the parent that it may go.
func (r *RRef) acceptedBy(parent string, ref *agentpb.Reference) {
	if parent == r.agent.config.Name {
		r.agent.rrefs.childKnown(idOf(ref.GetFork()))
		return
	}
	_ = r.tell(parent, agentpb.Method_METHOD_RREF_ACCEPT, ref) // the log has it, and the parent's report of leaks
}

// maybeDelete tells the owner that this user is gone, once that is so and no child depends on it.
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
		_ = r.tell(r.owner.Name, agentpb.Method_METHOD_RREF_DELETE, r.reference(r.fork))
		r.agent.rrefs.dropUser(r)
	})
}

// child returns whom a fork was made for, if the owner may not know of it yet.
func (r *RRef) child(fork rrefID) (hold, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h, ok := r.children[fork]
	return h, ok
}

// tell sends a worker a message about an RRef, again if the connection was at fault: what such a message
// says is true however often it is said.
func (r *RRef) tell(to string, m agentpb.Method, ref *agentpb.Reference) (err error) {
	a := r.agent
	for attempt := 1; ; attempt++ {
		ctx, cancel := context.WithTimeout(a.ctx, a.config.ConnectTimeout)
		_, err = a.sync(ctx, to, m, Request{}, ref)
		cancel()
		if err == nil || attempt == tellAttempts || a.ctx.Err() != nil || !passing(err) {
			break
		}
		if waitFor(a.serveCtx, nil, backoff(attempt)) != nil {
			break
		}
	}
	if err != nil {
		a.log.Warn("agent: a worker could not be told of an RRef", "rref", r.String(), "worker", to, "what", m, "err", err)
	}
	return err
}

// passing says whether an error may be gone the next time.
func passing(err error) bool {
	switch asError(err).Code {
	case codes.Unavailable, codes.ResourceExhausted, codes.DeadlineExceeded:
		return true
	}
	return false
}

// spawn runs fn on a goroutine that counts as activity: a group is not quiet while someone is still to be told.
func (t *rrefs) spawn(fn func()) {
	if t.agent.life.enter(agentpb.Method_METHOD_RREF_ACCEPT) != nil {
		go fn() // the agent is closed: fn fails at once, and says so
		return
	}
	go func() {
		defer t.agent.life.leave(agentpb.Method_METHOD_RREF_ACCEPT)
		fn()
	}()
}
