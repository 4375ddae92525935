package membership

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// Coordinator collects the workers of a group until all are there. Its methods may be called from any goroutine.
type Coordinator struct {
	// BeforeComplete is called when all have joined, before any is told. It may be nil, and is set before the first Join.
	BeforeComplete func()

	size int
	log  *slog.Logger

	mu       sync.Mutex
	joined   map[string]*joiner // guarded by mu, like the rest; by name
	complete chan struct{}      // closed when all have joined
	group    *agentpb.Group     // nil until then
	closed   bool               // the group is parting: further workers are of a next one
	twins    int                // workers that wait here and have the name of one that has joined, and want another rank
	twinned  error              // which name that is
	failed   chan struct{}      // closed when all are there, and twins among them
	logging  bool               // one of the requests that wait logs from time to time who is missing
}

// joiner is a worker that has joined.
type joiner struct {
	member      *agentpb.Member
	incarnation uint64
	arrival     int
	waiting     int // requests that wait for the group in its name: two while a broken one is not noticed
}

// NewCoordinator returns the coordinator of a group of that size.
func NewCoordinator(size int, log *slog.Logger) *Coordinator {
	return &Coordinator{size: size, log: log, joined: map[string]*joiner{}, complete: make(chan struct{}), failed: make(chan struct{})}
}

// Join enters a worker, waits for the others, and returns the group. The worker expects a group of that size; its rank is
// one that it wants, or -1 for any that is free. The incarnation tells a worker that comes again, as its connection broke,
// from another of its name. A worker whose ctx ends before the group is complete has not joined.
//
// Two workers of one name and of different ranks are twins: with them the group can never be complete. When as many workers
// are there as it should have, all are told so, and not only the one that came later.
//
// Errors: codes.AlreadyExists, InvalidArgument and FailedPrecondition for a worker that does not belong here; Unavailable
// where it may belong to the next group; the end of ctx, with what is known of the workers that are missing.
func (c *Coordinator) Join(ctx context.Context, m *agentpb.Member, incarnation uint64, size int) (*agentpb.Group, error) {
	if size != c.size {
		return nil, rpcerr.Errorf(codes.FailedPrecondition, "worker %s expects %d workers, the coordinator %d", m.GetName(), size, c.size)
	}
	if err := c.admit(m, incarnation); err != nil {
		if c.isTwin(m) {
			err = c.waitTwinned(ctx)
		}
		return nil, err
	}
	logs := c.becomeLogger()
	remind := newReminder()
	timer := time.NewTimer(remind.left())
	defer timer.Stop()
	for {
		select {
		case <-c.complete:
			return c.group, nil
		case <-c.failed:
			return nil, c.twinned
		case <-ctx.Done():
			if c.isFailed() {
				return nil, c.twinned
			}
			c.withdraw(m.GetName(), incarnation, logs)
			return nil, rpcerr.Ended(ctx.Err(), "waiting for the group: "+c.Missing())
		case <-timer.C:
			if logs = logs || c.becomeLogger(); remind.due() && logs {
				c.log.Warn("agent: still waiting for the group", "missing", c.Missing())
			}
			timer.Reset(remind.left())
		}
	}
}

// becomeLogger is true for one of the requests that wait: the one that logs.
func (c *Coordinator) becomeLogger() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.logging
	c.logging = true
	return !was
}

// admit enters a worker, or says why it does not belong here.
func (c *Coordinator) admit(m *agentpb.Member, incarnation uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isFailed() {
		return c.twinned
	}
	known := c.joined[m.GetName()]
	if known != nil && known.incarnation == incarnation { // its connection broke, and it comes again
		if c.group == nil {
			known.member = m
		}
		known.waiting++
		return nil
	}
	if err := c.refusalLocked(m, known); err != nil {
		return err
	}
	c.joined[m.GetName()] = &joiner{member: m, incarnation: incarnation, arrival: len(c.joined), waiting: 1}
	c.log.Info("agent: a worker has come", "worker", m.GetName(), "address", m.GetAddress(), "here", len(c.joined), "of", c.size)
	if len(c.joined) == c.size {
		c.completeLocked()
	}
	c.failIfAllLocked()
	return nil
}

// refusalLocked says why a worker cannot join, nil if it can. Known is the worker of its name that has joined.
func (c *Coordinator) refusalLocked(m *agentpb.Member, known *joiner) error {
	switch {
	case c.closed:
		return rpcerr.Errorf(codes.Unavailable, "the group of %d is leaving: the coordinator takes no worker until it has begun again", c.size)
	case known != nil:
		return rpcerr.Errorf(codes.AlreadyExists, "there is a worker named %s already, at %s", m.GetName(), known.member.GetAddress())
	case c.group != nil:
		return rpcerr.Errorf(codes.FailedPrecondition, "the group of %d is complete: worker %s comes too late", c.size, m.GetName())
	case int(m.GetRank()) >= c.size:
		return rpcerr.Errorf(codes.InvalidArgument, "worker %s wants rank %d, the group has ranks 0 to %d", m.GetName(), m.GetRank(), c.size-1)
	}
	for _, other := range c.joined {
		if m.GetRank() >= 0 && other.member.GetRank() == m.GetRank() {
			return rpcerr.Errorf(codes.AlreadyExists, "rank %d, which worker %s wants, is worker %s's", m.GetRank(), m.GetName(), other.member.GetName())
		}
	}
	return nil
}

// Close is called when all workers have agreed to part. A worker that is done sooner than the coordinator may come back for
// the next group while the coordinator still has the address: it is told to try again.
func (c *Coordinator) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

// completeLocked gives out the ranks that no worker asked for, in the order of arrival.
func (c *Coordinator) completeLocked() {
	all := make([]*joiner, 0, c.size)
	taken := map[int32]bool{}
	for _, j := range c.joined {
		all = append(all, j)
		taken[j.member.GetRank()] = true
	}
	slices.SortFunc(all, func(x, y *joiner) int { return cmp.Compare(x.arrival, y.arrival) })
	g := &agentpb.Group{}
	next := int32(0)
	for _, j := range all {
		if j.member.GetRank() < 0 {
			for taken[next] {
				next++
			}
			j.member.Rank = next
			taken[next] = true
		}
		g.Members = append(g.Members, j.member)
	}
	slices.SortFunc(g.Members, func(x, y *agentpb.Member) int { return cmp.Compare(x.GetRank(), y.GetRank()) })
	c.group = g
	if c.BeforeComplete != nil {
		c.BeforeComplete()
	}
	close(c.complete)
}

// withdraw ends a request that has waited; a worker of which none waits any more has not joined.
func (c *Coordinator) withdraw(name string, incarnation uint64, logs bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if logs {
		c.logging = false
	}
	j := c.joined[name]
	if c.group != nil || j == nil || j.incarnation != incarnation {
		return
	}
	if j.waiting--; j.waiting == 0 {
		delete(c.joined, name)
	}
}

// Missing says who has joined, and what is known of the rest.
func (c *Coordinator) Missing() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var here []string
	taken := map[int32]bool{}
	for name, j := range c.joined {
		if rank := j.member.GetRank(); rank >= 0 {
			name = fmt.Sprintf("%s (rank %d)", name, rank)
			taken[rank] = true
		}
		here = append(here, name)
	}
	slices.Sort(here)
	var free []string
	for rank := range int32(c.size) {
		if !taken[rank] {
			free = append(free, fmt.Sprint(rank))
		}
	}
	return fmt.Sprintf("%d of %d: ranks not taken are %s; here are %s", c.size-len(c.joined), c.size, strings.Join(free, ", "), strings.Join(here, ", "))
}
