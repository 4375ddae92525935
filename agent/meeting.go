package agent

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

	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// missingInterval is after how long whoever waits for others first says so. It says so again each time that it has waited
// twice as long.
const missingInterval = 5 * time.Second

// reminder says when it is time to tell again what is being waited for.
type reminder struct {
	began time.Time
	after time.Duration
}

func newReminder() *reminder { return &reminder{began: time.Now(), after: missingInterval} }

// left is how long it is until then.
func (r *reminder) left() time.Duration { return time.Until(r.began.Add(r.after)) }

// due says whether it is time, and sets the next one.
func (r *reminder) due() bool {
	if r.left() > 0 {
		return false
	}
	r.after *= 2
	return true
}

// meeting is where a coordinator collects its group.
type meeting struct {
	size int

	mu       sync.Mutex
	here     map[string]*attendee
	complete chan struct{} // closed when all are here
	group    *agentpb.Group
	leaving  bool // the group has begun to join: who comes is of a next one
	logging  bool // someone says from time to time who is missing
}

type attendee struct {
	member      *agentpb.Member
	incarnation uint64
	arrival     int
	waiting     int // requests that wait for the group in its name: two while a broken one is not noticed
}

func newMeeting(size int) *meeting {
	return &meeting{size: size, here: map[string]*attendee{}, complete: make(chan struct{})}
}

// attend enters a worker and waits for the others. Who leaves early is not counted.
func (m *meeting) attend(ctx context.Context, log *slog.Logger, w *agentpb.Member, incarnation uint64, size int) (*agentpb.Group, error) {
	if size != m.size {
		return nil, failure(codes.FailedPrecondition, "worker %s expects %d workers, the coordinator %d", w.GetName(), size, m.size)
	}
	if err := m.enter(log, w, incarnation); err != nil {
		return nil, err
	}
	says := m.becomeSpeaker()
	remind := newReminder()
	timer := time.NewTimer(remind.left())
	defer timer.Stop()
	for {
		select {
		case <-m.complete:
			return m.group, nil
		case <-ctx.Done():
			m.leave(w.GetName(), incarnation, says)
			return nil, ended(ctx.Err(), "waiting for the group: "+m.missing())
		case <-timer.C:
			if says = says || m.becomeSpeaker(); remind.due() && says {
				log.Warn("agent: still waiting for the group", "missing", m.missing())
			}
			timer.Reset(remind.left())
		}
	}
}

// becomeSpeaker makes one of those who wait the one who logs.
func (m *meeting) becomeSpeaker() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.logging
	m.logging = true
	return !was
}

func (m *meeting) enter(log *slog.Logger, w *agentpb.Member, incarnation uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.here[w.GetName()]
	switch {
	case m.leaving && (known == nil || known.incarnation != incarnation):
		return failure(codes.Unavailable, "the group of %d is leaving: the coordinator takes no worker until it has begun again", m.size)
	case known != nil && known.incarnation == incarnation:
		if m.group == nil { // its connection broke, and it comes again
			known.member = w
		}
		known.waiting++
		return nil
	case known != nil:
		return failure(codes.AlreadyExists, "there is a worker named %s already, at %s", w.GetName(), known.member.GetAddress())
	case m.group != nil:
		return failure(codes.FailedPrecondition, "the group of %d is complete: worker %s comes too late", m.size, w.GetName())
	case int(w.GetRank()) >= m.size:
		return failure(codes.InvalidArgument, "worker %s wants rank %d, the group has ranks 0 to %d", w.GetName(), w.GetRank(), m.size-1)
	}
	for _, other := range m.here {
		if w.GetRank() >= 0 && other.member.GetRank() == w.GetRank() {
			return failure(codes.AlreadyExists, "rank %d, which worker %s wants, is worker %s's", w.GetRank(), w.GetName(), other.member.GetName())
		}
	}
	m.here[w.GetName()] = &attendee{member: w, incarnation: incarnation, arrival: len(m.here), waiting: 1}
	log.Info("agent: a worker has come", "worker", w.GetName(), "address", w.GetAddress(), "here", len(m.here), "of", m.size)
	if len(m.here) == m.size {
		m.conclude()
	}
	return nil
}

// disband is for a coordinator that knows that all have joined. A worker that is done sooner may come back, for the next
// group, while this coordinator still has the address.
func (m *meeting) disband() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leaving = true
}

// conclude gives out the ranks that nobody asked for. Called with mu held.
func (m *meeting) conclude() {
	all := make([]*attendee, 0, m.size)
	taken := map[int32]bool{}
	for _, x := range m.here {
		all = append(all, x)
		taken[x.member.GetRank()] = true
	}
	slices.SortFunc(all, func(x, y *attendee) int { return cmp.Compare(x.arrival, y.arrival) })
	g := &agentpb.Group{}
	next := int32(0)
	for _, x := range all {
		if x.member.GetRank() < 0 {
			for taken[next] {
				next++
			}
			x.member.Rank = next
			taken[next] = true
		}
		g.Members = append(g.Members, x.member)
	}
	slices.SortFunc(g.Members, func(x, y *agentpb.Member) int { return cmp.Compare(x.GetRank(), y.GetRank()) })
	m.group = g
	close(m.complete)
}

func (m *meeting) leave(name string, incarnation uint64, says bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if says {
		m.logging = false
	}
	x := m.here[name]
	if m.group != nil || x == nil || x.incarnation != incarnation {
		return
	}
	if x.waiting--; x.waiting == 0 {
		delete(m.here, name)
	}
}

// missing says who is here, and what is known of the rest.
func (m *meeting) missing() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var here []string
	free := map[int32]bool{}
	for rank := range int32(m.size) {
		free[rank] = true
	}
	for name, x := range m.here {
		if rank := x.member.GetRank(); rank >= 0 {
			here = append(here, fmt.Sprintf("%s (rank %d)", name, rank))
			delete(free, rank)
		} else {
			here = append(here, name)
		}
	}
	slices.Sort(here)
	ranks := make([]string, 0, len(free))
	for rank := range int32(m.size) {
		if free[rank] {
			ranks = append(ranks, fmt.Sprint(rank))
		}
	}
	return fmt.Sprintf("%d of %d: ranks not taken are %s; here are %s", m.size-len(m.here), m.size, strings.Join(ranks, ", "), strings.Join(here, ", "))
}
