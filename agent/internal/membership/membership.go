// Package membership says who belongs to a group of workers, and when the group may part. It opens no connection: what it
// has to know of connections it asks its user for (see [Connections]), and its time may be that of a testing/synctest bubble.
//
//   - A [Coordinator] collects the workers of a group until all are there; a worker elsewhere finds its group at a [Remote] one.
//   - A [Roster] is the coordinator's list of an open group, whose members come and go.
//   - [Members] is the list of a group's workers, once it is known.
//   - [Activity] counts what a worker has to do. A [Barrier] is a worker's part in finding out that nobody has anything
//     to do any more, and a [Detector] the leader's.
//
// Its refusals are errors of package rpcerr, with the code that a call ends with.
package membership

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// ErrUnknown is for a name that no member of the group has.
var ErrUnknown = errors.New("agent: unknown worker")

// Member is a worker of a group.
type Member struct {
	Name    string
	Rank    int
	Address string // host:port
}

// Check says what is wrong with a list of members: two of one name or rank, or a rank below 0.
func Check(members []Member) error {
	names, ranks := map[string]bool{}, map[int]string{}
	for _, m := range members {
		if names[m.Name] {
			return fmt.Errorf("two workers are named %s", m.Name)
		}
		if other, taken := ranks[m.Rank]; taken || m.Rank < 0 {
			return fmt.Errorf("rank %d of worker %s is taken by %s, or negative", m.Rank, m.Name, other)
		}
		names[m.Name], ranks[m.Rank] = true, m.Name
	}
	return nil
}

// FromGroup returns the members of the group that a coordinator has found, and the rank of the one that is named self.
// The group must have that many members, any number where it is 0, and self must be one of them.
func FromGroup(g *agentpb.Group, self string, size int) (members []Member, rank int, err error) {
	rank = -1
	members = membersOf(g)
	for _, m := range members {
		if m.Name == self {
			rank = m.Rank
		}
	}
	if err := Check(members); err != nil {
		return nil, -1, err
	}
	if rank < 0 || size > 0 && len(members) != size {
		return nil, -1, fmt.Errorf("the coordinator's group has %d workers of %d, and %s has rank %d", len(members), size, self, rank)
	}
	return members, rank, nil
}

// Members is the list of a group's members: known from the start, or once a rendezvous is over; that of an open group changes.
// Its methods may be called from any goroutine, and do not block.
type Members struct {
	known  chan struct{} // closed when the list is known
	byRank atomic.Pointer[[]Member]
}

// NewMembers returns a list that is not known yet.
func NewMembers() *Members { return &Members{known: make(chan struct{})} }

// Set makes the list known. It may be called once.
func (m *Members) Set(members []Member) {
	m.Update(members)
	close(m.known)
}

// Update puts another list in the place of the one that is known.
func (m *Members) Update(members []Member) {
	byRank := slices.SortedFunc(slices.Values(members), func(x, y Member) int { return cmp.Compare(x.Rank, y.Rank) })
	m.byRank.Store(&byRank)
}

// Known is closed when the list is known.
func (m *Members) Known() <-chan struct{} { return m.known }

// IsKnown says whether the list is known.
func (m *Members) IsKnown() bool {
	select {
	case <-m.known:
		return true
	default:
		return false
	}
}

// All returns the members by rank; none until the list is known. The caller must not change the slice.
func (m *Members) All() []Member {
	if !m.IsKnown() {
		return nil
	}
	return *m.byRank.Load()
}

// Names returns the members' names, by rank.
func (m *Members) Names() []string {
	all := m.All()
	names := make([]string, len(all))
	for i, member := range all {
		names[i] = member.Name
	}
	return names
}

// Leader is the member with the lowest rank, which has the [Detector]. The list must be known.
func (m *Members) Leader() string { return m.All()[0].Name }

// Find returns the member of that name; the error is that of Unknown.
func (m *Members) Find(name string) (Member, error) {
	for _, member := range m.All() {
		if member.Name == name {
			return member, nil
		}
	}
	return Member{}, m.Unknown(name)
}

// Unknown is the error for a name that no member has: codes.NotFound, with ErrUnknown as the cause.
func (m *Members) Unknown(name string) *rpcerr.Error {
	return rpcerr.Errorf(codes.NotFound, "%w %q; there are %s", ErrUnknown, name, strings.Join(m.Names(), ", "))
}
