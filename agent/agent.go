package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/gopyrpc/gopyrpc/agent/internal/membership"
	"github.com/gopyrpc/gopyrpc/agent/internal/quota"
	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
)

// Agent is a worker of a group: it calls the others, and they call it. Make one with [New]. Its methods
// may be called from any goroutine.
type Agent struct {
	config      Config
	limits      Limits
	log         *slog.Logger
	incarnation uint64 // tells this life of the worker from others
	rank        atomic.Int64

	security *security.Security
	listener *security.Listener
	server   *grpc.Server
	health   wellness

	ctx      context.Context // ends with the agent
	cancel   context.CancelFunc
	serveCtx context.Context // of executions; ends first
	unserve  context.CancelFunc

	activity  membership.Activity
	members   *membership.Members
	transport *transport.Transport
	peers     *peers
	calls     quota.Budget // made, without an outcome
	count     counters

	rrefs *rrefs

	coordinator *membership.Coordinator // nil unless this agent is the group's
	roster      *membership.Roster      // likewise, of an open group
	membership  atomic.Pointer[membershipStream]
	following   atomic.Bool          // a goroutine follows the list of an open group
	followed    chan struct{}        // closed when it has ended
	detector    *membership.Detector // of the join; the leader's is asked
	barrier     membership.Barrier   // of the join
	parted      atomic.Bool          // the join has succeeded

	serveOnce sync.Once
	readyErr  error // why the group will never be known; written before failed is closed
	failed    chan struct{}
}

// New makes an agent and opens its listener; nobody is let in before [Agent.Serve].
//
// Errors: what is wrong with the configuration; ErrInsecure; the listener's.
func New(config Config) (*Agent, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	listener := config.Listener
	if listener == nil {
		if listener, err = config.listen(); err != nil {
			return nil, err
		}
	}
	a, err := build(config, listener)
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	return a, nil
}

func build(config Config, listener net.Listener) (*Agent, error) {
	incarnation := 1 + rand.Uint64N(1<<63)
	guard, err := config.secure(incarnation, listener.Addr())
	if err != nil {
		return nil, err
	}
	a := &Agent{
		config: config, limits: config.Limits, log: config.Logger,
		incarnation: incarnation,
		security:    guard,
		listener: security.NewListener(listener, security.Admission{
			Connections: config.Limits.Connections, Pending: config.Limits.PendingConnections, Handshake: config.Limits.Handshake,
		}),
		members: membership.NewMembers(),
		failed:  make(chan struct{}), followed: make(chan struct{}),
	}
	a.rrefs = newRRefs(a)
	a.peers = newPeers(a.members)
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.serveCtx, a.unserve = context.WithCancel(a.ctx)
	a.rank.Store(int64(config.Rank))
	a.count.metrics = config.Metrics
	a.calls.Init(callsKind, int64(a.limits.Calls))
	a.transport = a.newTransport()
	a.detector = membership.NewDetector(membership.DetectorConfig{
		Members: a.members, Connections: connections{a}, Log: a.log, Met: config.Rendezvous != nil, StartTimeout: config.StartTimeout, Done: a.ctx.Done(),
	})
	if err := a.prepareGroup(); err != nil {
		return nil, err
	}
	a.server = a.newServer()
	return a, a.registerSteps()
}

// prepareGroup makes the group known where no rendezvous is needed, and else the coordinator, if this agent is it.
func (a *Agent) prepareGroup() error {
	if r := a.config.Rendezvous; r != nil {
		switch {
		case r.Open && r.Host:
			a.roster = a.newRoster(a.config.Rank)
		case r.Host:
			a.coordinator = membership.NewCoordinator(r.WorldSize, a.log)
			a.coordinator.BeforeComplete = r.BeforeComplete
		}
		return nil
	}
	self := membership.Member{Name: a.config.Name, Rank: a.config.Rank, Address: a.Addr().String()}
	members := []membership.Member{self}
	for _, w := range a.config.Peers {
		if w.Name == self.Name && w.Rank != self.Rank {
			return wrong("Rank", "it is %d, and Peers has rank %d for %s", self.Rank, w.Rank, w.Name)
		}
		if w.Name != self.Name {
			members = append(members, membership.Member(w))
		}
	}
	if err := checkGroup(members); err != nil {
		return wrong("Peers", "%w", err)
	}
	a.setGroup(members)
	return nil
}

// Serve lets peers in, finds the group if there is a Rendezvous, and returns when the agent is closed, or
// when one of both has failed. Call it once.
func (a *Agent) Serve() error {
	err := fmt.Errorf("agent: Serve was called before")
	a.serveOnce.Do(func() {
		err = a.serveAll()
	})
	return err
}

func (a *Agent) serveAll() error {
	found := make(chan struct{})
	go func() {
		if a.config.Rendezvous != nil {
			a.findGroup()
		} else {
			a.health.found()
		}
		close(found)
		if a.complete() {
			membership.KeepInTouch(a.ctx, a.members, a.config.Name, connections{a})
		}
	}()
	err := a.server.Serve(a.listener)
	stopped := a.ctx.Err() != nil || err == nil || errors.Is(err, grpc.ErrServerStopped)
	if !stopped {
		a.cancel() // nobody can come in any more: the group need not be looked for
	}
	<-found
	select {
	case <-a.failed:
		return a.readyErr
	default:
	}
	if stopped {
		return nil
	}
	return fmt.Errorf("agent: %w", rpcerr.Within(err))
}

// WaitReady waits until the group is known. It needs Serve, on another goroutine.
func (a *Agent) WaitReady(ctx context.Context) error {
	if a.ctx.Err() != nil {
		return errClosed()
	}
	select {
	case <-a.members.Known():
		return nil
	case <-a.failed:
		return a.readyErr
	case <-a.ctx.Done():
		return errClosed()
	case <-ctx.Done():
		doing := "waiting for the group"
		if a.coordinator != nil {
			doing += ": missing " + a.coordinator.Missing()
		}
		return ended(ctx.Err(), doing)
	}
}

// Name returns this worker's name.
func (a *Agent) Name() string { return a.config.Name }

// Rank returns this worker's rank; -1 until the rendezvous has given it one.
func (a *Agent) Rank() int { return int(a.rank.Load()) }

// Addr returns where the agent listens.
func (a *Agent) Addr() net.Addr { return a.listener.Addr() }
