package agent

import (
	"context"
	"fmt"

	"github.com/gopyrpc/gopyrpc/agent/internal/quota"
	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// What tests outside the package see of its inside.

// ChunkSize is where bodies are cut: tests send some that end beside such a place.
const ChunkSize = 128 << 10

// Reference is what this RRef shows its owner. Nothing but an attacker that has stolen it, and a test that plays one, may
// know the secret in it.
func (r *RRef) Reference() *agentpb.Reference { return r.reference() }

// RRefTable counts what the table of RRefs has of other workers, to see that nothing is left behind, or was let in.
type RRefTable struct {
	Forks    int // of values that are owned, by their users
	Children int // forks that were passed on, and that the owner does not know of yet
	Holders  int // workers that hold something
	Lapsed   int // workers that were given up
}

// RRefTable returns the counts.
func (a *Agent) RRefTable() RRefTable {
	a.rrefs.mu.Lock()
	defer a.rrefs.mu.Unlock()
	t := RRefTable{Children: len(a.rrefs.children), Holders: len(a.rrefs.holders), Lapsed: len(a.rrefs.lapsed)}
	for _, o := range a.rrefs.owned {
		t.Forks += len(o.forks)
	}
	return t
}

// WaitIdle waits until this agent has nothing to do but the barrier of a join.
func (a *Agent) WaitIdle(ctx context.Context) error {
	_, _, err := a.activity.WaitIdle(ctx)
	return err
}

// Connect makes a connection to a worker beside the one that there is, and ends it: a benchmark measures that.
func (a *Agent) Connect(name string) error {
	w, err := a.Worker(name)
	if err != nil {
		return err
	}
	p := a.transport.NewPeer(name, w.Address)
	defer p.Close()
	attempt, _, _ := p.Approach()
	<-attempt
	_, err = p.LastFailure()
	return err
}

// CallsTo are the calls to a worker that have no outcome: a test uses some up.
func (a *Agent) CallsTo(name string) *quota.Budget { return &a.peers.byName[name].Calls }

// LostConnection is why there is no connection to a worker; nil while there is one.
func (a *Agent) LostConnection(name string) error {
	_, err := a.peers.byName[name].LastFailure()
	return err
}

// IsLent says whether the body lies in memory that the peer shares.
func (r Request) IsLent() bool { return isLent(r.memory) }

// IsLent says whether the body lies in memory that the peer shares.
func (r Reply) IsLent() bool { return isLent(r.memory) }

func isLent(m transport.Memory) bool { return fmt.Sprintf("%T", m) == "transport.loan" }

// ConnectedTo is the incarnation of a worker to which there is a connection, 0 for none: which of two lives is met.
func (a *Agent) ConnectedTo(name string) uint64 { return a.incarnationOf(name) }

// Incarnation is what tells this life of the worker from others.
func (a *Agent) Incarnation() uint64 { return a.incarnation }

// JoinGroup is what the coordinator does for a worker that joins its group; the worker cannot reach a coordinator that has
// left, and learns this in the moment before.
func (a *Agent) JoinGroup(ctx context.Context, m *agentpb.Member, size int) error {
	_, err := a.coordinator.Join(ctx, m, 1, size)
	if err != nil {
		return asError(err)
	}
	return nil
}

// Temporary says whether what failed with an error is tried again.
var Temporary = temporary
