package agent

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/internal/handshake"
)

// group is who is there: known from the start, or once the rendezvous is over.
type group struct {
	ready chan struct{} // closed when the group is known

	mu      sync.RWMutex
	workers []Worker // by rank
	links   map[string]*link
	closed  bool
}

func newGroup() *group { return &group{ready: make(chan struct{}), links: map[string]*link{}} }

// checkGroup says what is wrong with a list of workers.
func checkGroup(workers []Worker) error {
	names, ranks := map[string]bool{}, map[int]string{}
	for _, w := range workers {
		if err := handshake.CheckName(w.Name); err != nil {
			return err
		}
		if names[w.Name] {
			return fmt.Errorf("two workers are named %s", w.Name)
		}
		if other, taken := ranks[w.Rank]; taken || w.Rank < 0 {
			return fmt.Errorf("rank %d of worker %s is taken by %s, or negative", w.Rank, w.Name, other)
		}
		names[w.Name], ranks[w.Rank] = true, w.Name
	}
	return nil
}

// set makes the group known.
func (g *group) set(a *Agent, workers []Worker) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.workers = slices.SortedFunc(slices.Values(workers), func(x, y Worker) int { return cmp.Compare(x.Rank, y.Rank) })
	for _, w := range workers {
		if w.Name != a.config.Name {
			g.links[w.Name] = newLink(a, w)
		}
	}
	close(g.ready)
}

// known says whether the group is known.
func (g *group) known() bool {
	select {
	case <-g.ready:
		return true
	default:
		return false
	}
}

// link returns the way to a worker.
func (g *group) link(name string) (*link, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	switch l, ok := g.links[name]; {
	case ok:
		return l, nil
	case g.closed:
		return nil, errClosed()
	case !g.known():
		return nil, failure(codes.Unavailable, "the group is not known yet: see WaitReady")
	}
	return nil, failure(codes.NotFound, "%w %q; there are %s", ErrUnknownWorker, name, strings.Join(g.names(), ", "))
}

func (g *group) names() []string {
	names := make([]string, len(g.workers))
	for i, w := range g.workers {
		names[i] = w.Name
	}
	return names
}

// find returns the worker of that name.
func (g *group) find(name string) (Worker, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	for _, w := range g.workers {
		if w.Name == name {
			return w, nil
		}
	}
	return Worker{}, failure(codes.NotFound, "%w %q; there are %s", ErrUnknownWorker, name, strings.Join(g.names(), ", "))
}

func (g *group) all() []Worker {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return slices.Clone(g.workers)
}

// close ends all connections, and has no new ones made.
func (g *group) close() {
	g.mu.Lock()
	g.closed = true
	links := g.links
	g.mu.Unlock()
	for _, l := range links {
		l.close()
	}
}
