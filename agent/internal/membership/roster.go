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
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// MaxMembers is how many members an open group may have: its list goes to each of them in one message, which must have room for all.
const MaxMembers = 1024

// Roster is the coordinator's list of an open group, whose members come and go one by one. Its methods may be called from
// any goroutine.
//
// A member has a seat for as long as its stream to the coordinator lives, and for the roster's grace after a stream that
// broke: its next one takes a seat in the place of that, also where the coordinator has not noticed yet that the old one broke. Each change makes a new revision of the list, which goes to every member. A new member
// is let in when all others have seen the list with it, and one that leaves is done when all others have seen the list without
// it: so a new member can be called at once, and one that has gone is called by nobody.
type Roster struct {
	// Apply is called with each new list, by rank, on the coordinator's own behalf. It must not block. It is set before the first
	// Enter.
	Apply func([]Member)

	grace time.Duration
	log   *slog.Logger

	mu       sync.Mutex
	revision uint64           // guarded by mu, like the rest
	seats    map[string]*Seat // by name
	changed  chan struct{}    // closed, and made anew, when a list or what was seen of it changes
	closed   bool
}

// Seat is a member's place in a Roster, for one stream.
type Seat struct {
	roster      *Roster
	member      *agentpb.Member
	incarnation uint64
	seen        uint64        // the revision that the member has seen
	entered     bool          // Enter has returned the seat: before, nobody waits for what it sees, as its first list is to come
	own         bool          // the coordinator's: it sees each list at once
	lost        *time.Timer   // where the stream broke: ends the seat
	news        chan struct{} // has one element when there is a list that was not taken
}

// NewRoster returns the list of a group that has its coordinator alone.
func NewRoster(self Member, incarnation uint64, grace time.Duration, log *slog.Logger) *Roster {
	r := &Roster{grace: grace, log: log, seats: map[string]*Seat{}, changed: make(chan struct{}), revision: 1}
	r.seats[self.Name] = &Seat{
		roster: r, own: true, incarnation: incarnation, news: make(chan struct{}, 1),
		member: &agentpb.Member{Name: self.Name, Rank: int32(self.Rank), Address: self.Address},
	}
	return r
}

// Enter gives a member a seat, and returns it when all others have seen the list with it. A rank below 0 becomes the lowest that
// is free. The incarnation tells a member that comes again, as its stream broke, from another of its name.
//
// Errors: codes.AlreadyExists for a name or a rank that is taken; codes.Unavailable where the group is over;
// codes.ResourceExhausted where it has MaxMembers; the end of ctx.
func (r *Roster) Enter(ctx context.Context, m *agentpb.Member, incarnation uint64) (*Seat, error) {
	s, revision, err := r.sit(m, incarnation)
	if err != nil {
		return nil, err
	}
	if err := r.awaitSeen(ctx, revision, s); err != nil {
		s.Lost()
		return nil, rpcerr.Ended(err, "waiting for the group to see worker "+m.GetName()+": "+r.unaware(revision))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s.entered = true
	return s, nil
}

// sit enters a member, and returns the revision that the others have to see.
func (r *Roster) sit(m *agentpb.Member, incarnation uint64) (*Seat, uint64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, 0, rpcerr.Errorf(codes.Unavailable, "the group's coordinator is leaving: it takes no worker until it has begun again")
	}
	known := r.seats[m.GetName()]
	if known != nil && known.incarnation == incarnation {
		known.found()
		s := &Seat{roster: r, member: known.member, incarnation: incarnation, news: make(chan struct{}, 1)}
		r.seats[m.GetName()] = s
		r.stirLocked() // nobody waits for what the old stream sees
		return s, r.revision, nil
	}
	if known != nil && known.lost == nil {
		return nil, 0, rpcerr.Errorf(codes.AlreadyExists, "there is a worker named %s already, at %s", m.GetName(), known.member.GetAddress())
	}
	for _, other := range r.seats {
		if other != known && m.GetRank() >= 0 && other.member.GetRank() == m.GetRank() {
			return nil, 0, rpcerr.Errorf(codes.AlreadyExists, "rank %d, which worker %s wants, is worker %s's", m.GetRank(), m.GetName(), other.member.GetName())
		}
	}
	if known == nil && len(r.seats) >= MaxMembers {
		return nil, 0, rpcerr.Errorf(codes.ResourceExhausted, "the group has %d workers, as many as one that grows may have", len(r.seats))
	}
	if known != nil { // its process has ended: its stream has
		known.found()
		delete(r.seats, m.GetName())
	}
	m = proto.CloneOf(m)
	if m.GetRank() < 0 {
		m.Rank = r.freeLocked()
	}
	s := &Seat{roster: r, member: m, incarnation: incarnation, news: make(chan struct{}, 1)}
	r.seats[m.GetName()] = s
	r.changeLocked()
	r.log.Info("agent: a worker has come", "worker", m.GetName(), "address", m.GetAddress(), "rank", m.GetRank(), "here", len(r.seats))
	return s, r.revision, nil
}

// freeLocked is the lowest rank that no member has.
func (r *Roster) freeLocked() int32 {
	taken := map[int32]bool{}
	for _, s := range r.seats {
		taken[s.member.GetRank()] = true
	}
	rank := int32(0)
	for taken[rank] {
		rank++
	}
	return rank
}

// changeLocked makes a new revision of the list, and has everybody told.
func (r *Roster) changeLocked() {
	r.revision++
	for _, s := range r.seats {
		s.tell()
	}
	if r.Apply != nil {
		r.Apply(membersOf(r.groupLocked()))
	}
	r.stirLocked()
}

// Reapply has Apply called with the list as it is.
func (r *Roster) Reapply() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Apply(membersOf(r.groupLocked()))
}

// stirLocked wakes those who wait for something to be seen.
func (r *Roster) stirLocked() {
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *Roster) groupLocked() *agentpb.Group {
	g := &agentpb.Group{Revision: r.revision}
	for _, s := range r.seats {
		g.Members = append(g.Members, s.member)
	}
	slices.SortFunc(g.Members, func(x, y *agentpb.Member) int { return cmp.Compare(x.GetRank(), y.GetRank()) })
	return g
}

// awaitSeen waits until all members but one have seen a revision, or a later one.
func (r *Roster) awaitSeen(ctx context.Context, revision uint64, but *Seat) error {
	for {
		r.mu.Lock()
		changed, unaware := r.changed, r.unawareLocked(revision, but)
		r.mu.Unlock()
		if len(unaware) == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// unawareLocked are the members that have not seen a revision, and have a stream to see it by.
func (r *Roster) unawareLocked(revision uint64, but *Seat) (names []string) {
	for name, s := range r.seats {
		if s != but && s.entered && !s.own && s.lost == nil && s.seen < revision {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (r *Roster) unaware(revision uint64) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.unawareLocked(revision, nil), ", ") + " did not answer"
}

// AwaitAlone waits until all members but the coordinator have gone, and lets nobody in any more.
//
// Errors: the end of ctx, with the names of those who are there; the group is open again then.
func (r *Roster) AwaitAlone(ctx context.Context) error {
	for {
		r.mu.Lock()
		changed, others := r.changed, r.othersLocked()
		r.closed = len(others) == 0
		r.mu.Unlock()
		if len(others) == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return rpcerr.Ended(ctx.Err(), fmt.Sprintf("waiting for the others to leave: %s did not join", strings.Join(others, ", ")))
		}
	}
}

func (r *Roster) othersLocked() (names []string) {
	for name, s := range r.seats {
		if !s.own {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// tell notes that there is a list to take. The caller must hold the roster's mu.
func (s *Seat) tell() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// found ends the time in which a lost member has to come again. The caller must hold the roster's mu.
func (s *Seat) found() {
	if s.lost != nil {
		s.lost.Stop()
		s.lost = nil
	}
}

// News has an element when there is a list that Group has not returned.
func (s *Seat) News() <-chan struct{} { return s.news }

// Group returns the list as it is.
func (s *Seat) Group() *agentpb.Group {
	s.roster.mu.Lock()
	defer s.roster.mu.Unlock()
	return s.roster.groupLocked()
}

// See notes that the member has seen a revision.
func (s *Seat) See(revision uint64) {
	r := s.roster
	r.mu.Lock()
	defer r.mu.Unlock()
	if revision > s.seen && revision <= r.revision {
		s.seen = revision
		r.stirLocked()
	}
}

// Lost notes that the stream of the seat broke: unless another one comes within the roster's grace, the member has gone.
func (s *Seat) Lost() {
	r := s.roster
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seats[s.member.GetName()] != s || s.lost != nil {
		return
	}
	s.lost = time.AfterFunc(r.grace, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if s.lost != nil {
			r.removeLocked(s, "its stream broke")
		}
	})
	r.stirLocked()
}

// Leave takes the member off the list, and returns when all others have seen that, or ctx ends.
func (s *Seat) Leave(ctx context.Context) error {
	r := s.roster
	r.mu.Lock()
	r.removeLocked(s, "it left")
	revision := r.revision
	r.mu.Unlock()
	if err := r.awaitSeen(ctx, revision, nil); err != nil {
		return rpcerr.Ended(err, "waiting for the group to see that worker "+s.member.GetName()+" leaves: "+r.unaware(revision))
	}
	return nil
}

func (r *Roster) removeLocked(s *Seat, why string) {
	if r.seats[s.member.GetName()] != s {
		return
	}
	s.found()
	delete(r.seats, s.member.GetName())
	r.changeLocked()
	r.log.Info("agent: a worker has gone", "worker", s.member.GetName(), "why", why, "here", len(r.seats))
}

// membersOf are the members of a list.
func membersOf(g *agentpb.Group) []Member {
	var members []Member
	for _, m := range g.GetMembers() {
		members = append(members, Member{m.GetName(), int(m.GetRank()), m.GetAddress()})
	}
	return members
}
