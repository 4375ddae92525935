package agent

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/gopyrpc/gopyrpc/agent/internal/backoff"
	"github.com/gopyrpc/gopyrpc/agent/internal/membership"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// An open group (Rendezvous.Open) has members that come and go. Each has a stream to the coordinator for as long as it is in the
// group: see membership.Roster.

// memberGrace is how long a member whose stream broke has to open another before the group takes it for gone.
const memberGrace = 10 * time.Second

// membershipStream is a member's end.
type membershipStream struct {
	stream agentpb.Agent_MembershipClient
	conn   *grpc.ClientConn
	over   chan struct{} // closed when the stream has ended

	mu      sync.Mutex
	leaving bool // guarded by mu, which is held while something is sent
}

// see tells the coordinator that a list was seen.
func (s *membershipStream) see(g *agentpb.Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.leaving {
		_ = s.stream.Send(&agentpb.MembershipRequest{Seen: g.GetRevision()}) // Recv says why it failed
	}
}

// leave ends the requests.
func (s *membershipStream) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = true
	_ = s.stream.CloseSend() // likewise
}

func (s *membershipStream) isLeaving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaving
}

// isOpen says whether this agent's group is an open one.
func (a *Agent) isOpen() bool { return a.config.Rendezvous != nil && a.config.Rendezvous.Open }

// newRoster is called when the coordinator's own address is known.
func (a *Agent) newRoster(rank int) *membership.Roster {
	self := membership.Member{Name: a.config.Name, Rank: max(rank, 0), Address: a.Advertised()}
	r := membership.NewRoster(self, a.incarnation, memberGrace, a.log)
	r.Apply = func(members []membership.Member) {
		if a.members.IsKnown() { // else Reapply is called when it is
			a.changeGroup(members)
		}
	}
	return r
}

// enterOpenGroup enters the group at its coordinator, and returns the group as it is then. Later lists are taken over as they
// come, on a goroutine of its own.
func (a *Agent) enterOpenGroup(ctx context.Context, me *agentpb.Member) (*agentpb.Group, error) {
	s, g, err := a.openMembership(ctx, me)
	if err != nil {
		return nil, err
	}
	a.membership.Store(s)
	if _, rank, err := membership.FromGroup(g, me.GetName(), 0); err == nil { // else enterGroup says what is wrong
		me.Rank = int32(rank) // which a stream that is opened anew asks for
	}
	a.following.Store(true)
	go a.followGroup(s, me)
	return g, nil
}

// openMembership opens the stream, and returns the first list.
func (a *Agent) openMembership(ctx context.Context, me *agentpb.Member) (*membershipStream, *agentpb.Group, error) {
	r := a.config.Rendezvous
	conn, why, err := a.transport.Connect(r.Name, r.Address)
	if err != nil {
		return nil, nil, err
	}
	stream, err := agentpb.NewAgentClient(conn).Membership(metadata.NewOutgoingContext(ctx, a.hello(nil)), grpc.WaitForReady(false))
	var g *agentpb.Group
	if err == nil {
		_ = stream.Send(&agentpb.MembershipRequest{Member: me}) // Recv says why it failed
		g, err = stream.Recv()
	}
	if err != nil {
		_ = conn.Close()
		return nil, nil, asError(why(err))
	}
	return &membershipStream{stream: stream, conn: conn, over: make(chan struct{})}, g, nil
}

// followGroup takes lists over until the agent is closed or has left. A stream that breaks is opened anew.
func (a *Agent) followGroup(s *membershipStream, me *agentpb.Member) {
	defer close(a.followed)
	for s != nil {
		err := a.takeLists(s)
		close(s.over)
		_ = s.conn.Close()
		if errors.Is(err, io.EOF) || a.ctx.Err() != nil || s.isLeaving() {
			return
		}
		a.log.Warn("agent: the stream to the group's coordinator broke", "err", err)
		s = a.reopenMembership(me)
	}
}

// takeLists returns what the stream ended with.
func (a *Agent) takeLists(s *membershipStream) error {
	select {
	case <-a.members.Known():
	case <-a.failed:
		return a.readyErr
	case <-a.ctx.Done():
		return a.ctx.Err()
	}
	for {
		g, err := s.stream.Recv()
		if err != nil {
			return err
		}
		a.takeList(g)
		s.see(g)
	}
}

func (a *Agent) takeList(g *agentpb.Group) {
	members, _, err := membership.FromGroup(g, a.config.Name, 0)
	if err == nil {
		err = checkNames(members)
	}
	if err != nil {
		a.log.Warn("agent: the coordinator's list of the group is wrong", "err", err)
		return
	}
	a.changeGroup(members)
}

// reopenMembership opens a stream again, nil where the agent is closed or the coordinator refuses it.
func (a *Agent) reopenMembership(me *agentpb.Member) *membershipStream {
	for attempt := 1; backoff.Wait(a.ctx, backoff.Delay(attempt)) == nil; attempt++ {
		s, g, err := a.openMembership(a.ctx, me)
		if err == nil {
			a.takeList(g)
			s.see(g)
			a.membership.Store(s)
			return s
		}
		if !temporary(err) || errors.Is(err, security.ErrUntrusted) {
			a.log.Error("agent: the group's coordinator does not take this worker back", "err", err)
			return nil
		}
	}
	return nil
}

// leaveOpenGroup takes this worker off the group's list, when it has nothing to do any more. The coordinator stays until
// all others have gone.
func (a *Agent) leaveOpenGroup(ctx context.Context) error {
	if a.roster != nil {
		if err := a.roster.AwaitAlone(ctx); err != nil {
			return asError(err)
		}
	}
	alone := func(context.Context, *agentpb.Activity) (bool, error) { return true, nil }
	for phase := uint32(1); phase <= 2; phase++ {
		if err := a.barrier.Wait(ctx, phase, &a.activity, alone); err != nil {
			return asError(err)
		}
		a.rrefs.releaseUsers() // phase 2 waits for that
	}
	s := a.membership.Load()
	if s == nil {
		return nil
	}
	s.leave()
	select {
	case <-s.over:
		return nil
	case <-ctx.Done():
		return ended(ctx.Err(), "waiting for the group to see that this worker leaves")
	}
}

// changeGroup puts another list in the place of the one that is known.
func (a *Agent) changeGroup(members []membership.Member) {
	gone := a.updatePeers(members)
	a.members.Update(members)
	for _, p := range gone {
		go p.Gone() // the roster's lock is held
	}
	a.log.Info("agent: the group has changed", "workers", strings.Join(a.members.Names(), ", "))
	if f := a.config.Rendezvous.Changed; f != nil {
		go f()
	}
}

// Membership serves a member of an open group.
func (s service) Membership(stream grpc.BidiStreamingServer[agentpb.MembershipRequest, agentpb.Group]) error {
	a := s.agent
	h, c, err := a.security.Identify(stream.Context())
	if err != nil {
		return err
	}
	if a.roster == nil {
		return failure(codes.Unimplemented, "worker %s is not the coordinator of a group that grows", a.config.Name)
	}
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	m, err := a.memberOf(stream.Context(), h, c, first.GetMember())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer context.AfterFunc(a.ctx, cancel)()
	seat, err := a.roster.Enter(ctx, m, h.GetIncarnation())
	if err != nil {
		return err
	}
	return a.serveMember(ctx, stream, seat)
}

// serveMember sends lists, and notes which were seen, until the member leaves or its stream breaks.
func (a *Agent) serveMember(ctx context.Context, stream grpc.BidiStreamingServer[agentpb.MembershipRequest, agentpb.Group], seat *membership.Seat) error {
	requests := make(chan error, 1)
	go func() {
		for {
			req, err := stream.Recv()
			if err != nil {
				requests <- err
				return
			}
			seat.See(req.GetSeen())
		}
	}()
	for err := stream.Send(seat.Group()); err == nil; {
		select {
		case <-seat.News():
			err = stream.Send(seat.Group())
		case err = <-requests:
			if errors.Is(err, io.EOF) {
				return seat.Leave(ctx)
			}
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	seat.Lost()
	return failure(codes.Unavailable, "the stream of the member broke")
}
