package agent

import (
	"context"
	"crypto/hmac"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// user is a worker's reference to a value, as the value's owner knows it.
type user struct {
	hold
	rank   int // the worker's: the ids of what it makes have it
	secret forkSecret
	spent  serials // of the forks that it gave its word for
}

// restarted is what is said of a value of this worker's former life.
func (t *rrefs) restarted(ref *agentpb.Reference) error {
	if ref.GetIncarnation() == t.agent.incarnation {
		return nil
	}
	return failure(codes.DataLoss, "%w: worker %s was restarted since RRef %v was made",
		ErrOwnerGone, t.agent.config.Name, idOf(ref.GetRref()))
}

// user finds a worker's reference by what the worker shows. It says the same of a value that there is as of one that there
// is not. Called with mu held.
func (t *rrefs) user(from *Peer, ref *agentpb.Reference) (*owned, *user, error) {
	if err := t.restarted(ref); err != nil {
		return nil, nil, err
	}
	u := &user{} // whom nobody is
	o := t.owned[idOf(ref.GetRref())]
	if o != nil && o.forks[idOf(ref.GetFork())] != nil {
		u = o.forks[idOf(ref.GetFork())]
	}
	if shown := u.secret.equals(ref.GetSecret()); !shown || !u.is(from) {
		return nil, nil, t.noUser(from, ref)
	}
	u.life = from.life
	return o, u, nil
}

// noUser is what a worker is told that may not do what it asks, or no longer. Called with mu held.
func (t *rrefs) noUser(from *Peer, ref *agentpb.Reference) error {
	if err := t.overdue(from, idOf(ref.GetRref())); err != nil {
		return err
	}
	return failure(codes.PermissionDenied, "worker %s is no user of RRef %v by fork %v: it was not given to that worker, or it was released since, "+
		"or who gave it had gone by then", from.Name, idOf(ref.GetRref()), idOf(ref.GetFork()))
}

// parent finds who gave its word for a fork that is for a worker, and takes note that it was used. Called with mu held.
func (t *rrefs) parent(to *Peer, ref *agentpb.Reference) (*owned, *user) {
	nobody := &user{}
	u, grant := nobody, ref.GetGrant()
	o := t.owned[idOf(ref.GetRref())]
	if o != nil && o.forks[idOf(grant.GetParent())] != nil {
		u = o.forks[idOf(grant.GetParent())]
	}
	if !u.secret.vouches(ref, to.Name) || u == nobody || int(ref.GetFork().GetRank()) != u.rank || !u.spent.spend(grant.GetSerial()) {
		return nil, nil
	}
	return o, u
}

// noChild is noUser for a fork that another worker is said to have made. What it says of that worker is true whatever the
// fork. Called with mu held.
func (t *rrefs) noChild(from *Peer, ref *agentpb.Reference) error {
	for _, w := range t.agent.group.all() {
		if _, silent := t.lapsed[w.Name]; silent && int32(w.Rank) == ref.GetFork().GetRank() {
			return failure(codes.DataLoss, "%w: worker %s, which made fork %v, was not heard of for %v (Config.RRefLease, --rref-lease) and taken for dead, "+
				"and its word is good no more", ErrOwnerGone, w.Name, idOf(ref.GetFork()), t.agent.config.RRefLease)
		}
	}
	return t.noUser(from, ref)
}

// serveRemote begins to make a value. It returns when the value is entered, not when it is there.
func (t *rrefs) serveRemote(from *Peer, detail proto.Message, body Body) error {
	ref, _ := detail.(*agentpb.Reference)
	id, fork := idOf(ref.GetRref()), idOf(ref.GetFork())
	if ref == nil || int(id.rank) != from.Rank || int(fork.rank) != from.Rank {
		return failure(codes.InvalidArgument, "worker %s cannot make RRef %v with fork %v: the ids are not its own", from.Name, id, fork)
	}
	s, ok := readSecret(ref.GetSecret())
	if !ok {
		return failure(codes.InvalidArgument, "RRef %v comes with a secret of %d bytes, not %d", id, len(ref.GetSecret()), secretSize)
	}
	return t.run(from, id, body, func(o *owned) {
		if t.lives[from.Name] == from.life { // else nobody will release it, or ask for it
			t.addFork(o, fork, &user{hold: hold{from.Name, from.life}, rank: from.Rank, secret: s})
		}
	})
}

// serveFetch answers a user's ToHere.
func (t *rrefs) serveFetch(ctx context.Context, from *Peer, ref *agentpb.Reference) (Body, error) {
	t.mu.Lock()
	o, _, err := t.user(from, ref)
	t.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return t.agent.fetch(ctx, o)
}

// serveFork enters a new user, by the word of one that there is. That it comes twice makes no difference.
func (t *rrefs) serveFork(from *Peer, ref *agentpb.Reference) error {
	s, ok := readSecret(ref.GetSecret())
	if !ok {
		return failure(codes.InvalidArgument, "fork %v comes with a secret of %d bytes, not %d", idOf(ref.GetFork()), len(ref.GetSecret()), secretSize)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.restarted(ref); err != nil {
		return err
	}
	if from.life != t.lives[from.Name] {
		return supplanted(from.Name)
	}
	if _, _, err := t.user(from, ref); err == nil {
		return nil
	}
	o, _ := t.parent(from, ref)
	if o == nil || o.forks[idOf(ref.GetFork())] != nil {
		return t.noChild(from, ref)
	}
	t.addFork(o, idOf(ref.GetFork()), &user{hold: hold{from.Name, from.life}, rank: from.Rank, secret: s})
	return nil
}

// takeBack counts a handle here, for a fork that comes back to the owner.
func (t *rrefs) takeBack(self *Peer, f *agentpb.Fork) (*owned, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ref := f.GetReference()
	if err := t.restarted(ref); err != nil {
		return nil, err
	}
	if f.GetParent() == self.Name { // it was counted when it was made
		o, _, err := t.user(self, ref)
		if err == nil {
			o.handles++
			t.removeFork(o, idOf(ref.GetFork()))
		}
		return o, err
	}
	o, parent := t.parent(self, ref)
	if o == nil || parent.by != f.GetParent() {
		return nil, t.noUser(self, ref)
	}
	o.handles++
	return o, nil
}

// serveAccept notes that the owner knows of a child, or never will.
func (t *rrefs) serveAccept(from *Peer, ref *agentpb.Reference) error {
	fork := idOf(ref.GetFork())
	t.mu.Lock()
	parent := t.children[fork]
	t.mu.Unlock()
	var c child
	if parent != nil {
		c, _ = parent.child(fork)
	}
	shown := hmac.Equal(c.proof, ref.GetGrant().GetProof())
	if parent == nil || !shown || !c.is(from) || parent.id != idOf(ref.GetRref()) {
		return failure(codes.PermissionDenied, "worker %s has fork %v of RRef %v not from this worker, or has said so before", from.Name, fork, idOf(ref.GetRref()))
	}
	t.childKnown(fork)
	return nil
}

// serveDelete drops a user.
func (t *rrefs) serveDelete(from *Peer, ref *agentpb.Reference) error {
	t.mu.Lock()
	o, _, err := t.user(from, ref)
	t.mu.Unlock()
	if err != nil {
		return err
	}
	t.dropFork(o, idOf(ref.GetFork()))
	return nil
}
