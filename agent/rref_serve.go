package agent

import (
	"context"
	"crypto/hmac"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent/internal/replay"
	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// user is a worker's reference to a value, as the value's owner knows it.
type user struct {
	hold
	rank   int // the worker's, which is part of the ids that it makes
	secret forkSecret
	spent  replay.Window // serials of its grants
}

// restarted returns the error for a reference to a value of a former incarnation of this worker; nil for any other.
func (t *rrefs) restarted(ref *agentpb.Reference) error {
	if ref.GetIncarnation() == t.agent.incarnation {
		return nil
	}
	return failure(codes.DataLoss, "%w: worker %s was restarted since RRef %v was made",
		ErrOwnerGone, t.agent.config.Name, idOf(ref.GetRref()))
}

// user finds the user of a reference by its secret. The error for a wrong secret does not tell whether there is such a value.
// The caller must hold mu.
func (t *rrefs) user(from *Peer, ref *agentpb.Reference) (*owned, *user, error) {
	if err := t.restarted(ref); err != nil {
		return nil, nil, err
	}
	u := &user{} // matches no peer
	o := t.owned[idOf(ref.GetRref())]
	if o != nil && o.forks[idOf(ref.GetFork())] != nil {
		u = o.forks[idOf(ref.GetFork())]
	}
	if shown := u.secret.equals(ref.GetSecret()); !shown || !u.is(from) {
		return nil, nil, t.noUser(from, ref)
	}
	u.incarnation = from.incarnation
	return o, u, nil
}

// noUser returns the error for a worker that uses a reference which it does not have, or no longer. The caller must hold mu.
func (t *rrefs) noUser(from *Peer, ref *agentpb.Reference) error {
	if err := t.overdue(from, idOf(ref.GetRref())); err != nil {
		return err
	}
	return failure(codes.PermissionDenied, "worker %s is no user of RRef %v by fork %v: it was not given to that worker, or it was released since, "+
		"or the worker that gave it had gone by then", from.Name, idOf(ref.GetRref()), idOf(ref.GetFork()))
}

// parent finds the user that granted a fork to a worker, and notes that the grant was used. The caller must hold mu.
func (t *rrefs) parent(to *Peer, ref *agentpb.Reference) (*owned, *user) {
	nobody := &user{}
	u, grant := nobody, ref.GetGrant()
	o := t.owned[idOf(ref.GetRref())]
	if o != nil && o.forks[idOf(grant.GetParent())] != nil {
		u = o.forks[idOf(grant.GetParent())]
	}
	if !u.secret.vouches(ref, to.Name) || u == nobody || int(ref.GetFork().GetRank()) != u.rank || !u.spent.Spend(grant.GetSerial()) {
		return nil, nil
	}
	return o, u
}

// noChild is noUser for a fork that a third worker is said to have made. If the lease of that worker has run out, the error
// says so, which is true whatever the fork is. The caller must hold mu.
func (t *rrefs) noChild(from *Peer, ref *agentpb.Reference) error {
	for _, w := range t.agent.Workers() {
		if _, silent := t.lapsed[w.Name]; silent && int32(w.Rank) == ref.GetFork().GetRank() {
			return failure(codes.DataLoss, "%w: worker %s, which made fork %v, was not heard of for %v (Config.RRefLease, --rref-lease) and taken for dead, "+
				"and its word is good no more", ErrOwnerGone, w.Name, idOf(ref.GetFork()), t.agent.config.RRefLease)
		}
	}
	return t.noUser(from, ref)
}

// serveRemote begins to make a value. It returns when the value is in the table, and not yet made.
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
	return t.run(from, id, body, time.Duration(ref.GetValueTimeout()), func(o *owned) {
		if t.incarnations[from.Name] == from.incarnation { // a former incarnation will neither fetch nor release it
			t.addFork(o, fork, &user{hold: hold{from.Name, from.incarnation}, rank: from.Rank, secret: s})
		}
	})
}

// serveFetch answers a user's ToHere.
func (t *rrefs) serveFetch(ctx context.Context, from *Peer, ref *agentpb.Reference) (Body, error) {
	t.mu.Lock()
	o, _, err := t.user(from, ref)
	t.mu.Unlock()
	if err != nil {
		return Body{}, err
	}
	return t.agent.fetch(ctx, o)
}

// serveFork enters a new user by the grant of an existing one. The same request may come twice.
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
	if from.incarnation != t.incarnations[from.Name] {
		return ofRoom(transport.ReplacedError(from.Name))
	}
	if _, _, err := t.user(from, ref); err == nil {
		return nil
	}
	o, _ := t.parent(from, ref)
	if o == nil || o.forks[idOf(ref.GetFork())] != nil {
		return t.noChild(from, ref)
	}
	t.addFork(o, idOf(ref.GetFork()), &user{hold: hold{from.Name, from.incarnation}, rank: from.Rank, secret: s})
	return nil
}

// takeBack adopts a fork at the owner: it makes a handle of it.
func (t *rrefs) takeBack(self *Peer, f *agentpb.Fork) (*owned, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ref := f.GetReference()
	if err := t.restarted(ref); err != nil {
		return nil, err
	}
	if f.GetParent() == self.Name { // the owner counted the fork when it made it
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

// serveAccept notes that the owner knows of a child of a user here, or has refused it.
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
