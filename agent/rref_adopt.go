package agent

import (
	"crypto/sha256"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// Adopt makes an RRef of what [RRef.Fork] gave in another process, or in this one. It does not wait for the
// owner: see [RRef.WaitConfirmed]. A fork can be adopted once, by the worker that it was made for.
//
// Errors: codes.InvalidArgument for what is no fork, or one whose owner or parent is no worker of the group;
// codes.PermissionDenied for one that was made for another worker; codes.AlreadyExists where it was adopted before. A fork that
// neither the owner nor a user of the value made is refused here if this worker is the owner; else [RRef.WaitConfirmed] or
// [RRef.ToHere] says so.
//
// Torch: what unpickling an RRef does.
func (a *Agent) Adopt(fork []byte) (*RRef, error) {
	var f agentpb.Fork
	if err := proto.Unmarshal(fork, &f); err != nil {
		return nil, failure(codes.InvalidArgument, "this is no fork of an RRef: %w", err)
	}
	owner, err := a.Worker(f.GetOwner())
	if err != nil {
		return nil, failure(codes.InvalidArgument, "an RRef whose owner is unknown: %w", err)
	}
	if _, err := a.Worker(f.GetParent()); err != nil {
		return nil, failure(codes.InvalidArgument, "an RRef whose parent is unknown: %w", err)
	}
	if f.GetTo() != a.config.Name {
		return nil, failure(codes.PermissionDenied, "fork %v of RRef %v was made for worker %q, and this is %s: a worker gets an RRef as an argument or a result of its own",
			idOf(f.GetReference().GetFork()), idOf(f.GetReference().GetRref()), f.GetTo(), a.config.Name)
	}
	switch {
	case owner.Name == a.config.Name:
		return a.adoptOwn(&f)
	case f.GetParent() == owner.Name:
		return a.adoptOfOwner(owner, &f)
	}
	return a.adoptOfUser(owner, &f)
}

// adoptOfOwner makes a user of a fork that the owner made, and counted then.
func (a *Agent) adoptOfOwner(owner Worker, f *agentpb.Fork) (*RRef, error) {
	s, ok := readSecret(f.GetReference().GetSecret())
	if !ok {
		return nil, failure(codes.InvalidArgument, "this is no fork of an RRef: its secret has %d bytes, not %d", len(f.GetReference().GetSecret()), secretSize)
	}
	r := a.childRRef(owner, f)
	r.secret = s
	r.key = string(s[:])
	if !a.rrefs.addUser(r) {
		return nil, r.adoptedBefore()
	}
	close(r.confirmed)
	return r, nil
}

// adoptOfUser makes a user of a fork that another user made. The owner is told, by that one's word.
func (a *Agent) adoptOfUser(owner Worker, f *agentpb.Fork) (*RRef, error) {
	grant := f.GetReference().GetGrant()
	if len(grant.GetProof()) != sha256.Size {
		return nil, failure(codes.InvalidArgument, "this is no fork of an RRef: its proof has %d bytes, not %d", len(grant.GetProof()), sha256.Size)
	}
	r := a.childRRef(owner, f)
	r.key = string(grant.GetProof())
	if !a.rrefs.addUser(r) {
		return nil, r.adoptedBefore()
	}
	a.rrefs.spawn(func() {
		ref := r.reference()
		ref.Grant = grant
		r.err = r.tell(owner.Name, agentpb.Method_METHOD_RREF_FORK, ref)
		if r.err != nil {
			a.rrefs.dropUser(r)
		}
		close(r.confirmed)
		r.maybeDelete()
		r.acceptedBy(f.GetParent(), f.GetReference())
	})
	return r, nil
}

func (a *Agent) childRRef(owner Worker, f *agentpb.Fork) *RRef {
	ref := f.GetReference()
	r := a.userRRef(owner, idOf(ref.GetRref()), idOf(ref.GetFork()), f.GetType())
	r.incarnation = ref.GetIncarnation()
	return r
}

func (r *RRef) adoptedBefore() error {
	return failure(codes.AlreadyExists, "fork %v of RRef %v was adopted here before: a fork is good for one use", r.fork, r.id)
}

// adoptOwn takes an RRef back at its owner.
func (a *Agent) adoptOwn(f *agentpb.Fork) (*RRef, error) {
	o, err := a.rrefs.takeBack(a.self(), f)
	if err != nil {
		return nil, err
	}
	r := a.ownerRRef(o, f.GetType())
	if f.GetParent() == a.config.Name {
		return r, nil
	}
	a.rrefs.spawn(func() { r.acceptedBy(f.GetParent(), f.GetReference()) })
	return r, nil
}

// acceptedBy tells the parent of the fork that it may go.
func (r *RRef) acceptedBy(parent string, fork *agentpb.Reference) {
	a := r.agent
	ref := &agentpb.Reference{Rref: fork.GetRref(), Fork: fork.GetFork(), Incarnation: fork.GetIncarnation(), Grant: fork.GetGrant()}
	if parent == a.config.Name {
		_ = a.rrefs.serveAccept(a.self(), ref) // it fails for a fork that this worker never made
		return
	}
	_ = r.tell(parent, agentpb.Method_METHOD_RREF_ACCEPT, ref) // the log has it, and the parent's report of leaks
}
