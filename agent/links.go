package agent

import (
	"errors"
	"sync"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/membership"
	"github.com/gopyrpc/gopyrpc/internal/handshake"
)

// links are the ways to the other members of the group, once it is known.
type links struct {
	members *membership.Members

	mu     sync.RWMutex
	byName map[string]*link // guarded by mu
	closed bool             // guarded by mu
}

func newLinks(members *membership.Members) *links {
	return &links{members: members, byName: map[string]*link{}}
}

// to returns the way to a worker.
func (ls *links) to(name string) (*link, error) {
	ls.mu.RLock()
	defer ls.mu.RUnlock()
	switch l, ok := ls.byName[name]; {
	case ok:
		return l, nil
	case ls.closed:
		return nil, errClosed()
	case !ls.members.IsKnown():
		return nil, failure(codes.Unavailable, "the group is not known yet: see WaitReady")
	}
	return nil, ofRoom(ls.members.Unknown(name))
}

// close ends all connections, and has no new ones made.
func (ls *links) close() {
	ls.mu.Lock()
	ls.closed = true
	all := ls.byName
	ls.mu.Unlock()
	for _, l := range all {
		l.close()
	}
}

// setGroup makes the group known.
func (a *Agent) setGroup(members []membership.Member) {
	a.links.mu.Lock()
	for _, m := range members {
		if m.Name != a.config.Name {
			a.links.byName[m.Name] = newLink(a, Worker(m))
		}
	}
	a.links.mu.Unlock()
	a.members.Set(members)
}

// checkGroup says what is wrong with a list of members.
func checkGroup(members []membership.Member) error {
	for _, m := range members {
		if err := handshake.CheckName(m.Name); err != nil {
			return err
		}
	}
	return membership.Check(members)
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
func (a *Agent) complete() bool { return a.config.Rendezvous != nil && a.members.IsKnown() }

// connections is the agent as package membership sees it.
type connections struct{ agent *Agent }

func (c connections) Connected(name string) bool { return c.agent.present(name) }

func (c connections) Connect(name string) { c.agent.lookFor(name) }

func (c connections) LastFailure(name string) membership.Failure {
	l, err := c.agent.links.to(name)
	if err != nil {
		return membership.Failure{} // the agent is being closed
	}
	at, why := l.lastFailure()
	return membership.Failure{At: at, Err: why, Refused: errors.Is(why, errRefused), Reached: l.wasReached()}
}
