package agent

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	agentpb "github.com/pyrpc/pyrpc/agent/proto"
)

// owned is a value that this worker keeps. Its fields, but for what ready guards, are the table's.
type owned struct {
	id      rrefID
	forks   map[rrefID]hold // the users
	handles int             // OwnerRRefs here
	running bool            // the value is being made
	pins    int             // who copies the value just now
	late    bool            // the table was closed meanwhile: the last of them releases it

	ready chan struct{} // closed when there is a value, or will never be
	value Value         // written before ready is closed
	err   error         // likewise
}

// NewRRef gives a value to the group. The agent owns it from now on.
//
// Torch: RRef(value).
func (a *Agent) NewRRef(value Value, typ []byte) (*RRef, error) {
	id := a.rrefs.newID()
	o, err := a.rrefs.create(id)
	if err != nil {
		return nil, err
	}
	o.handles = 1
	a.rrefs.provide(o, value, nil)
	return a.ownerRRef(o, typ), nil
}

// ownerRRef makes the RRef for a handle that was counted.
func (a *Agent) ownerRRef(o *owned, typ []byte) *RRef {
	r := &RRef{
		agent: a, owned: o, id: o.id, typ: typ, incarnation: a.incarnation, confirmed: make(chan struct{}),
		owner: Worker{Name: a.config.Name, Rank: a.Rank(), Address: a.Addr().String()},
	}
	close(r.confirmed)
	return r
}

// create enters a value that is to come. The caller adds whoever holds it before it provides the value.
func (t *rrefs) create(id rrefID) (*owned, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, errClosed()
	}
	if _, ok := t.owned[id]; ok {
		return nil, failure(codes.AlreadyExists, "there is an RRef %v already", id)
	}
	o := &owned{id: id, forks: map[rrefID]hold{}, running: true, ready: make(chan struct{})}
	t.owned[id] = o
	return o, nil
}

// provide sets what became of the value.
func (t *rrefs) provide(o *owned, value Value, err error) {
	t.mu.Lock()
	o.value, o.err, o.running = value, err, false
	close(o.ready)
	if t.closed && value != nil { // the table was emptied meanwhile
		defer value.Release()
	}
	t.mu.Unlock()
	t.maybeDrop(o)
}

// maybeDrop drops a value that nobody refers to.
func (t *rrefs) maybeDrop(o *owned) {
	t.mu.Lock()
	if len(o.forks) > 0 || o.handles > 0 || o.pins > 0 || o.running || t.owned[o.id] != o {
		t.mu.Unlock()
		return
	}
	delete(t.owned, o.id)
	t.mu.Unlock()
	if o.value != nil {
		o.value.Release()
	}
}

// share enters a user whose fork is on its way.
func (t *rrefs) share(o *owned, fork rrefID, h hold) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.addFork(o, fork, h)
}

func (t *rrefs) dropFork(o *owned, fork rrefID) {
	t.mu.Lock()
	t.removeFork(o, fork)
	t.mu.Unlock()
	t.maybeDrop(o)
}

func (t *rrefs) dropHandle(o *owned) {
	t.mu.Lock()
	o.handles--
	t.mu.Unlock()
	t.maybeDrop(o)
}

// wait waits for the value.
func (o *owned) wait(ctx context.Context) (Value, error) {
	select {
	case <-o.ready:
		return o.value, o.err
	case <-ctx.Done():
		return nil, ended(ctx.Err(), fmt.Sprintf("waiting for the value of RRef %v", o.id))
	}
}

// fetch makes a copy of a value for a peer, or for us. Meanwhile the value stays, whoever releases what.
func (a *Agent) fetch(ctx context.Context, o *owned) (Body, error) {
	a.rrefs.pin(o, 1)
	defer a.rrefs.pin(o, -1)
	v, err := o.wait(ctx)
	if err != nil {
		return nil, err
	}
	return guard(a, "Value.Fetch", func() (Body, error) { return v.Fetch(ctx) })
}

func (t *rrefs) pin(o *owned, n int) {
	t.mu.Lock()
	o.pins += n
	late := t.closed && o.pins == 0 && o.late
	t.mu.Unlock()
	if late {
		o.value.Release()
		return
	}
	t.maybeDrop(o)
}

// lookup finds what a worker's user refers to. Called with mu held.
func (t *rrefs) lookup(from *Peer, ref *agentpb.Reference) (*owned, error) {
	if ref.GetIncarnation() != t.agent.incarnation {
		return nil, failure(codes.DataLoss, "%w: worker %s was restarted since RRef %v was made",
			ErrOwnerGone, t.agent.config.Name, idOf(ref.GetRref()))
	}
	o := t.owned[idOf(ref.GetRref())]
	if o == nil {
		if err := t.overdue(from, idOf(ref.GetRref())); err != nil {
			return nil, err
		}
		return nil, failure(codes.DataLoss, "%w: worker %s has no RRef %v: every reference to it was released, or was that of a worker "+
			"not heard of for %v (Config.RRefLease, --rref-lease)", ErrOwnerGone, t.agent.config.Name, idOf(ref.GetRref()), t.agent.config.RRefLease)
	}
	return o, nil
}

// serveRemote begins to make a value. It returns when the value is entered, not when it is there.
func (t *rrefs) serveRemote(from *Peer, detail proto.Message, body Body) error {
	ref, _ := detail.(*agentpb.Reference)
	id, fork := idOf(ref.GetRref()), idOf(ref.GetFork())
	if ref == nil || int(id.rank) != from.Rank || int(fork.rank) != from.Rank {
		return failure(codes.InvalidArgument, "worker %s cannot make RRef %v with fork %v: the ids are not its own", from.Name, id, fork)
	}
	return t.run(from, id, body, func(o *owned) {
		if t.lives[from.Name] == from.life { // else nobody will release it, or ask for it
			t.addFork(o, fork, hold{from.Name, from.life})
		}
	})
}

// run makes a value with the Executor, in the background. Nobody's deadline is the value's: it is the RRef's, and
// whoever made it may be long gone.
func (t *rrefs) run(from *Peer, id rrefID, body Body, hold func(*owned)) error {
	a := t.agent
	executor, ok := a.config.Executor.(RemoteExecutor)
	if !ok {
		return failure(codes.Unimplemented, "worker %s keeps no values: its Executor is no RemoteExecutor", a.config.Name)
	}
	if !a.serving.take(1, false) {
		return failure(codes.ResourceExhausted, "%d requests are in execution, allowed are %d (Limits.Serving)",
			a.serving.used.Load(), a.serving.limit)
	}
	if err := a.life.serve(agentpb.Method_METHOD_REMOTE); err != nil {
		a.serving.give(1)
		return err
	}
	o, err := t.create(id)
	if err != nil {
		a.serving.give(1)
		a.life.leave(agentpb.Method_METHOD_REMOTE)
		return err
	}
	t.mu.Lock()
	hold(o)
	t.mu.Unlock()
	a.incoming.used.Add(body.Size())
	go func() {
		a.count.served.Add(1)
		ctx := context.WithValue(a.serveCtx, peerKey{}, from)
		value, err := guard(a, "Executor.ExecuteRemote", func() (Value, error) {
			return executor.ExecuteRemote(ctx, Request{Body: body})
		})
		if err != nil {
			value, err = nil, a.ownEnd(err)
		}
		t.provide(o, value, err)
		a.incoming.give(body.Size())
		a.serving.give(1)
		a.life.leave(agentpb.Method_METHOD_REMOTE)
	}()
	return nil
}

// serveFetch answers a user's ToHere.
func (t *rrefs) serveFetch(ctx context.Context, from *Peer, ref *agentpb.Reference) (Body, error) {
	t.mu.Lock()
	o, err := t.lookup(from, ref)
	if err == nil && o.forks[idOf(ref.GetFork())].by != from.Name {
		if err = t.overdue(from, o.id); err == nil {
			err = failure(codes.PermissionDenied, "worker %s is no user of RRef %v by fork %v", from.Name, o.id, idOf(ref.GetFork()))
		}
	}
	t.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return t.agent.fetch(ctx, o)
}

// serveFork enters a new user. That it comes twice makes no difference.
func (t *rrefs) serveFork(from *Peer, ref *agentpb.Reference) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	o, err := t.lookup(from, ref)
	if err != nil {
		return err
	}
	if from.life != t.lives[from.Name] {
		return supplanted(from.Name)
	}
	fork := idOf(ref.GetFork())
	if h, ok := o.forks[fork]; ok && h.by != from.Name {
		return failure(codes.AlreadyExists, "fork %v of RRef %v was adopted by worker %s: a fork is good for one use", fork, o.id, h.by)
	}
	t.addFork(o, fork, hold{from.Name, from.life})
	return nil
}

// serveAccept notes that the owner knows of a child.
func (t *rrefs) serveAccept(ref *agentpb.Reference) error {
	t.childKnown(idOf(ref.GetFork()))
	return nil
}

// serveDelete drops a user. That it comes twice, or too late, makes no difference.
func (t *rrefs) serveDelete(from *Peer, ref *agentpb.Reference) error {
	fork := idOf(ref.GetFork())
	t.mu.Lock()
	o, err := t.lookup(from, ref)
	mine := err == nil && o.forks[fork].by == from.Name
	t.mu.Unlock()
	if mine {
		t.dropFork(o, fork)
	}
	return nil
}
