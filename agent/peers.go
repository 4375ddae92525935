package agent

import (
	"maps"
	"sync"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/membership"
	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
	"github.com/gopyrpc/gopyrpc/internal/handshake"
)

// peers are the ways to the other members of the group, once it is known.
type peers struct {
	members *membership.Members

	mu     sync.RWMutex
	byName map[string]*transport.Peer // guarded by mu
	closed bool                       // guarded by mu
}

func newPeers(members *membership.Members) *peers {
	return &peers{members: members, byName: map[string]*transport.Peer{}}
}

// to returns the way to a worker.
func (ps *peers) to(name string) (*transport.Peer, error) {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	switch p, ok := ps.byName[name]; {
	case ok:
		return p, nil
	case ps.closed:
		return nil, errClosed()
	case !ps.members.IsKnown():
		return nil, failure(codes.Unavailable, "the group is not known yet: see WaitReady")
	}
	return nil, ofRoom(ps.members.Unknown(name))
}

// close ends all connections, and has no new ones made.
func (ps *peers) close() {
	ps.mu.Lock()
	ps.closed = true
	all := maps.Clone(ps.byName) // the group may become known meanwhile
	ps.mu.Unlock()
	for _, p := range all {
		p.Close()
	}
}

// setGroup makes the group known.
func (a *Agent) setGroup(members []membership.Member) {
	a.peers.mu.Lock()
	for _, m := range members {
		if m.Name != a.config.Name && !a.peers.closed {
			a.peers.byName[m.Name] = a.transport.NewPeer(m.Name, m.Address)
		}
	}
	a.peers.mu.Unlock()
	a.members.Set(members)
}

// updatePeers makes the ways to new members, and returns those to members that have gone.
func (a *Agent) updatePeers(members []membership.Member) (gone []*transport.Peer) {
	a.peers.mu.Lock()
	defer a.peers.mu.Unlock()
	if a.peers.closed {
		return nil
	}
	before := map[string]membership.Member{}
	for _, m := range a.members.All() {
		before[m.Name] = m
	}
	here := map[string]bool{}
	for _, m := range members {
		here[m.Name] = true
		old := a.peers.byName[m.Name]
		if m.Name == a.config.Name || old != nil && before[m.Name] == m {
			continue
		}
		if old != nil { // another process with the name
			gone = append(gone, old)
		}
		a.peers.byName[m.Name] = a.transport.NewPeer(m.Name, m.Address)
	}
	for name, p := range a.peers.byName {
		if !here[name] {
			gone = append(gone, p)
			delete(a.peers.byName, name)
		}
	}
	return gone
}

// checkGroup says what is wrong with a list of members.
func checkGroup(members []membership.Member) error {
	if err := checkNames(members); err != nil {
		return err
	}
	return membership.Check(members)
}

// checkNames says which member has a name that is none.
func checkNames(members []membership.Member) error {
	for _, m := range members {
		if err := handshake.CheckName(m.Name); err != nil {
			return err
		}
	}
	return nil
}

// Workers returns the group, by rank; nothing until it is known.
func (a *Agent) Workers() []Worker {
	var workers []Worker
	for _, m := range a.members.All() {
		workers = append(workers, Worker(m))
	}
	return workers
}

// Worker returns the worker of that name.
func (a *Agent) Worker(name string) (Worker, error) {
	m, err := a.members.Find(name)
	if err != nil {
		return Worker{}, asError(err)
	}
	return Worker(m), nil
}

// complete says whether a rendezvous has shown that every worker of the group was there: none is only starting, and no other
// comes in the place of one that has ended.
func (a *Agent) complete() bool {
	return a.config.Rendezvous != nil && !a.isOpen() && a.members.IsKnown()
}
