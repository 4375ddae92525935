package agent

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// RRef refers to a value that one worker, the owner, keeps for the group. The owner drops the value when no worker has
// an RRef to it any more, so every RRef must be released. Its methods may be called from any goroutine.
//
// An RRef comes from [Agent.NewRRef] or [Agent.Remote], or, in another process, from [Agent.Adopt] of what [RRef.Fork] returned.
type RRef struct {
	agent *Agent
	owner Worker
	id    rrefID
	fork  rrefID // of a user; zero at the owner
	typ   []byte

	secret forkSecret // of a user; it proves to the owner that this is that user
	key    string     // of a user: the part of its fork that nobody can guess
	owned  *owned     // at the owner, nil elsewhere

	confirmed   chan struct{} // closed when the owner knows of this RRef, or never will
	incarnation uint64        // the owner's; written before confirmed is closed
	err         error         // why the owner does not know of it; written before confirmed is closed

	mu       sync.Mutex
	children map[rrefID]*child // forks that the owner may not know of yet
	serial   uint64            // of the last fork
	released bool
	deleting bool
}

// child is a fork that a user has made.
type child struct {
	hold
	proof []byte // of its grant, which the adopting worker knows
}

// rrefID is unique in the group: the rank of the worker that made it, and a counter of that worker.
type rrefID struct {
	rank  int32
	local uint64
}

func (id rrefID) String() string { return fmt.Sprintf("(%d, %d)", id.rank, id.local) }

func (id rrefID) proto() *agentpb.Id { return &agentpb.Id{Rank: id.rank, Local: id.local} }

func idOf(p *agentpb.Id) rrefID { return rrefID{p.GetRank(), p.GetLocal()} }

// unique is the id in torch's words.
func (id rrefID) unique() string {
	return fmt.Sprintf("GloballyUniqueId(created_on=%d, local_id=%d)", id.rank, id.local)
}

// String returns the RRef's name in messages. It is torch's.
func (r *RRef) String() string {
	if r.IsOwner() {
		return fmt.Sprintf("OwnerRRef(%s)", r.id.unique())
	}
	return fmt.Sprintf("UserRRef(RRefId = %s, ForkId = %s)", r.id.unique(), r.fork.unique())
}

// Owner returns the worker that keeps the value.
func (r *RRef) Owner() Worker { return r.owner }

// IsOwner says whether this worker is the owner.
func (r *RRef) IsOwner() bool { return r.owned != nil }

// Type returns the description of the value's type that the RRef was made with.
func (r *RRef) Type() []byte { return r.typ }

// Confirmed returns a channel that is closed when the owner knows of this RRef, or has refused it.
func (r *RRef) Confirmed() <-chan struct{} { return r.confirmed }

// WaitConfirmed waits until the owner knows of this RRef, and returns the error if it has refused it.
func (r *RRef) WaitConfirmed(ctx context.Context) error {
	select {
	case <-r.confirmed:
		return r.err
	default:
	}
	if err := await(ctx, r.confirmed); err != nil {
		return err
	}
	select {
	case <-r.confirmed:
		return r.err
	default:
		return ended(ctx.Err(), "waiting for the owner of "+r.String())
	}
}

// LocalValue waits for the value and returns it, at the owner. The value belongs to the RRef, and must not be used after
// Release.
//
// Torch: RRef.local_value.
func (r *RRef) LocalValue(ctx context.Context) (Value, error) {
	if !r.IsOwner() {
		return nil, failure(codes.FailedPrecondition, "%v: only worker %s has the value; see ToHere", r, r.owner.Name)
	}
	if err := r.usable(); err != nil {
		return nil, err
	}
	return r.owned.wait(ctx)
}

// ToHere waits for the value and returns a copy.
//
// Errors: the error that making the value ended with; ErrOwnerGone when the owner was restarted; ErrReleased.
//
// Torch: RRef.to_here.
func (r *RRef) ToHere(ctx context.Context) (Body, error) {
	if err := r.usable(); err != nil {
		return Body{}, err
	}
	if r.IsOwner() {
		return r.agent.fetch(ctx, r.owned)
	}
	if err := r.WaitConfirmed(ctx); err != nil {
		return Body{}, err
	}
	reply, err := r.agent.sync(ctx, r.owner.Name, agentpb.Method_METHOD_FETCH, Request{}, r.reference())
	return reply.Body, err
}

func (r *RRef) usable() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.released {
		return failure(codes.FailedPrecondition, "%w: %v", ErrReleased, r)
	}
	return nil
}

// Fork makes a new RRef to the value for another worker, as bytes. That worker, and no other, passes them to [Agent.Adopt],
// once. Whatever carries them there can take the value. Fork waits until the owner has confirmed this RRef. Until the owner
// knows of the new RRef, the release of this one has no effect on the value. A fork that is lost on its way keeps the value
// until [RRef.Unfork], or until that worker is restarted or taken for dead (Config.RRefLease).
//
// Torch: what pickling an RRef does.
func (r *RRef) Fork(ctx context.Context, to string) ([]byte, error) {
	w, err := r.agent.Worker(to)
	if err != nil {
		return nil, err
	}
	if err := r.WaitConfirmed(ctx); err != nil {
		return nil, err
	}
	ref := &agentpb.Reference{Rref: r.id.proto(), Fork: r.agent.rrefs.newID().proto(), Incarnation: r.incarnation}
	h := hold{to, r.agent.incarnationFor(to)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.released {
		return nil, failure(codes.FailedPrecondition, "%w: %v", ErrReleased, r)
	}
	if r.IsOwner() {
		r.agent.rrefs.share(r.owned, ref, h, w.Rank)
	} else {
		r.grant(ref, h)
	}
	return proto.Marshal(&agentpb.Fork{Reference: ref, Owner: r.owner.Name, Parent: r.agent.config.Name, Type: r.typ, To: to})
}

// grant makes a fork's Grant: this user's word for it. The caller must hold r.mu.
func (r *RRef) grant(ref *agentpb.Reference, h hold) {
	r.serial++
	ref.Grant = &agentpb.Grant{Parent: r.fork.proto(), Serial: r.serial}
	ref.Grant.Proof = r.secret.vouch(ref, h.by)
	fork := idOf(ref.GetFork())
	r.children[fork] = &child{h, ref.Grant.Proof}
	r.agent.rrefs.addChild(fork, r, h)
}

// Unfork takes back a fork that was not, and will not be, adopted: the call that should have carried it has failed without
// running.
func (r *RRef) Unfork(fork []byte) error {
	var f agentpb.Fork
	if err := proto.Unmarshal(fork, &f); err != nil || idOf(f.GetReference().GetRref()) != r.id {
		return failure(codes.InvalidArgument, "this is no fork of %v", r)
	}
	id := idOf(f.GetReference().GetFork())
	if r.IsOwner() {
		r.agent.rrefs.withdraw(r.owned, id, f.GetReference().GetSecret())
	} else if _, ok := r.child(id); ok {
		r.agent.rrefs.childKnown(id)
	}
	return nil
}

// Release ends the use of this RRef. A second call does nothing. It does not block: a goroutine tells the owner.
func (r *RRef) Release() {
	r.mu.Lock()
	again := r.released
	r.released = true
	r.mu.Unlock()
	switch {
	case again:
	case r.IsOwner():
		r.agent.rrefs.dropHandle(r.owned)
	default:
		r.maybeDelete()
	}
}

// reference returns the message by which a user names itself to the owner.
func (r *RRef) reference() *agentpb.Reference {
	return &agentpb.Reference{Rref: r.id.proto(), Fork: r.fork.proto(), Incarnation: r.incarnation, Secret: r.secret[:]}
}
