package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/gopyrpc/gopyrpc/agent/internal/backoff"
	"github.com/gopyrpc/gopyrpc/agent/internal/membership"
	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/handshake"
)

// Rendezvous is how a group finds together: every worker is given the address of one of them, the
// coordinator, which waits for all workers and then tells each the names and addresses of the others.
type Rendezvous struct {
	Address   string // of the coordinator
	Name      string // the coordinator's worker name, where it is known: then no other worker of the group is taken for it
	WorldSize int    // how many workers the group has; not of an open one
	Host      bool   // this agent is the coordinator
	// Open is for a group whose workers come and go one by one (torch's dynamic groups). All agents of a group say the same. A
	// worker is in the group as soon as all others know it, and its Join leaves the group without the others. The
	// coordinator comes first, and its Join waits until it is alone. An open group has 1,024 workers at most.
	Open bool
	// Changed is called when the list of an open group has changed, on a goroutine of its own. It may be nil.
	Changed func()
	// BeforeComplete is called when all workers have come to this agent, and before any is told. It may be nil.
	BeforeComplete func()
}

func (r *Rendezvous) check(rank int) error {
	if r.Open {
		return r.checkOpen(rank)
	}
	if r.WorldSize < 1 {
		return wrong("Rendezvous.WorldSize", "it is %d: the group has at least this worker", r.WorldSize)
	}
	if rank >= r.WorldSize {
		return wrong("Rank", "it is %d, and the group has ranks 0 to %d", rank, r.WorldSize-1)
	}
	if err := handshake.CheckName(r.Name); r.Name != "" && err != nil {
		return wrong("Rendezvous.Name", "%w", err)
	}
	if r.Address == "" && !r.Host {
		return wrong("Rendezvous.Address", "it is missing: where is the coordinator?")
	}
	return nil
}

func (r *Rendezvous) checkOpen(rank int) error {
	switch {
	case r.WorldSize != 0:
		return wrong("Rendezvous.WorldSize", "it is %d, and the group is open: it has no size", r.WorldSize)
	case r.Host && rank > 0:
		return wrong("Rank", "it is %d, and the coordinator of an open group has rank 0", rank)
	case r.Address == "" && !r.Host:
		return wrong("Rendezvous.Address", "it is missing: where is the coordinator?")
	}
	return nil
}

// lastAnswers is how long a coordinator that has failed lets its last answers take.
const lastAnswers = 2 * time.Second

// findGroup joins the others at the coordinator, and makes the group known or notes why it never will be.
func (a *Agent) findGroup() {
	g, err := a.joinGroup()
	if err == nil {
		err = a.enterGroup(g)
	}
	if err == nil && a.roster != nil {
		a.roster.Reapply() // workers may have come before this agent knew its own group
	}
	if err == nil {
		a.health.found()
		return
	}
	if a.ctx.Err() != nil {
		return // the agent is being closed; that is no news
	}
	a.readyErr = fmt.Errorf("agent: rendezvous: %w", rpcerr.Within(err))
	a.log.Debug("agent: the rendezvous failed", "err", err) // Serve says it
	last, cancel := context.WithTimeout(context.Background(), lastAnswers)
	defer cancel()
	if !until(last, a.server.GracefulStop) { // a coordinator's answers to others say it, too
		a.server.Stop()
	}
	close(a.failed)
}

// joinGroup finds the group: at this agent, if it is the coordinator, or by asking the coordinator.
func (a *Agent) joinGroup() (*agentpb.Group, error) {
	r := a.config.Rendezvous
	me := &agentpb.Member{Name: a.config.Name, Rank: int32(a.config.Rank), Address: a.Advertised()}
	if r.Host {
		if host, _, err := net.SplitHostPort(me.GetAddress()); err == nil && unspecified(host) {
			return nil, wrong("Advertise", "the coordinator listens on %s: say here where the others reach it", me.GetAddress())
		}
		if r.Open {
			me.Rank = max(me.GetRank(), 0)
			return &agentpb.Group{Members: []*agentpb.Member{me}}, nil // alone at first
		}
		g, err := a.coordinator.Join(a.ctx, me, a.incarnation, r.WorldSize)
		if err != nil {
			return nil, asError(err)
		}
		return g, nil
	}
	elsewhere := membership.Remote{
		Address: r.Address, Log: a.log, Backoff: backoff.Delay,
		Ask:     func(ctx context.Context) (*agentpb.Group, error) { return a.askCoordinator(ctx, me) },
		Passing: func(err error) bool { return temporary(err) && !errors.Is(err, security.ErrUntrusted) },
	}
	return elsewhere.Join(a.ctx)
}

// askCoordinator waits at the coordinator until the group is complete.
func (a *Agent) askCoordinator(ctx context.Context, me *agentpb.Member) (*agentpb.Group, error) {
	r := a.config.Rendezvous
	if r.Open {
		return a.enterOpenGroup(a.ctx, me)
	}
	conn, why, err := a.transport.Connect(r.Name, r.Address)
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // nothing is lost
	ctx = metadata.NewOutgoingContext(ctx, a.hello(nil))
	g, err := agentpb.NewAgentClient(conn).Rendezvous(ctx,
		&agentpb.RendezvousRequest{Member: me, WorldSize: uint32(r.WorldSize)}, grpc.WaitForReady(false))
	if err != nil {
		return nil, asError(why(err))
	}
	return g, nil
}

// Advertised is where the others are told to find this worker.
func (a *Agent) Advertised() string {
	if a.config.Advertise != "" {
		return a.config.Advertise
	}
	return a.Addr().String()
}

// enterGroup takes over what the coordinator found.
func (a *Agent) enterGroup(g *agentpb.Group) error {
	members, rank, err := membership.FromGroup(g, a.config.Name, a.config.Rendezvous.WorldSize)
	if err == nil {
		err = checkNames(members)
	}
	if err != nil {
		return err
	}
	a.rank.Store(int64(rank))
	a.setGroup(members)
	a.log.Info("agent: the group is complete", "rank", rank, "workers", strings.Join(a.members.Names(), ", "))
	return nil
}

// Rendezvous serves one worker that looks for its group.
func (s service) Rendezvous(ctx context.Context, req *agentpb.RendezvousRequest) (*agentpb.Group, error) {
	a := s.agent
	h, c, err := a.security.Identify(ctx)
	if errors.Is(err, security.ErrNamesake) && a.coordinator != nil && req.GetMember().GetName() == a.config.Name {
		return nil, cmp.Or(a.coordinator.JoinTwin(ctx, req.GetMember()), err)
	}
	if err != nil {
		return nil, err
	}
	if a.coordinator == nil {
		return nil, failure(codes.Unimplemented, "worker %s is not the coordinator", a.config.Name)
	}
	m, err := a.memberOf(ctx, h, c, req.GetMember())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.ctx, cancel)() // a coordinator that closes keeps nobody waiting
	g, err := a.coordinator.Join(ctx, m, h.GetIncarnation(), int(req.GetWorldSize()))
	if err != nil && a.ctx.Err() != nil {
		return nil, failure(codes.Unavailable, "the coordinator was shut down")
	}
	return g, err
}

// maxAddress is how long the address of a member may be, in bytes. All members get it, in one message with all others'.
const maxAddress = 512

// memberOf is what others are told of a worker that wants to be a member, and nothing else that it has sent.
func (a *Agent) memberOf(ctx context.Context, h *agentpb.Hello, c *security.Caller, m *agentpb.Member) (*agentpb.Member, error) {
	if err := a.refuseGuest(ctx, h.GetName()); err != nil {
		return nil, err
	}
	if m.GetName() != h.GetName() {
		return nil, failure(codes.InvalidArgument, "worker %s asks in the name of %q", h.GetName(), m.GetName())
	}
	if n := len(m.GetAddress()); n > maxAddress {
		return nil, failure(codes.InvalidArgument, "the address of worker %s (Config.Advertise, --advertise, GOPYRPC_ADVERTISE) has %d bytes, allowed are %d", m.GetName(), n, maxAddress)
	}
	return &agentpb.Member{Name: m.GetName(), Rank: m.GetRank(), Address: reachable(m.GetAddress(), c.Address)}, nil
}

// refuseGuest refuses a guest that wants to be a worker: as such it would have RRefs, and a place that is another's.
func (a *Agent) refuseGuest(ctx context.Context, name string) error {
	if !slices.Contains(a.config.Guests, name) {
		return nil
	}
	return a.security.Refuse(ctx, failure(codes.PermissionDenied,
		"%s is a guest here (Config.Guests, --guest): it may call, and nothing else; a worker needs another name", name))
}

// reachable puts the address that a worker was seen at in place of one that says nothing, like 0.0.0.0.
func reachable(address, seen string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || !unspecified(host) {
		return address
	}
	if h, _, err := net.SplitHostPort(seen); err == nil {
		return net.JoinHostPort(h, port)
	}
	return address
}

func unspecified(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || (ip != nil && ip.IsUnspecified())
}
