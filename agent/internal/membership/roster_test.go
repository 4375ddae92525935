package membership_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/gopyrpc/gopyrpc/agent/internal/membership"
	"github.com/gopyrpc/gopyrpc/agent/internal/rpcerr"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

const grace = 10 * time.Second

func newRoster() *membership.Roster {
	return membership.NewRoster(membership.Member{Name: "w0", Address: "a:0"}, 1, grace, slog.New(slog.DiscardHandler))
}

func asMember(name string, rank int32) *agentpb.Member {
	return &agentpb.Member{Name: name, Rank: rank, Address: name + ":1"}
}

// sees has a member see each list, until ctx ends.
func sees(ctx context.Context, s *membership.Seat) {
	for {
		select {
		case <-s.News():
			s.See(s.Group().GetRevision())
		case <-ctx.Done():
			return
		}
	}
}

func ranksOf(g *agentpb.Group) map[string]int32 {
	ranks := map[string]int32{}
	for _, m := range g.GetMembers() {
		ranks[m.GetName()] = m.GetRank()
	}
	return ranks
}

// TestRoster_waitsUntilOthersHaveSeen: a member comes, or goes, when the members that are there have seen that; one whose stream broke is not waited for.
func TestRoster_waitsUntilOthersHaveSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoster()
		first, err := r.Enter(t.Context(), asMember("w1", -1), 5)
		require.NoError(t, err)
		first.See(first.Group().GetRevision())
		entered := make(chan error, 1)
		go func() {
			_, err := r.Enter(t.Context(), asMember("w2", 2), 6)
			entered <- err
		}()
		synctest.Wait()
		select {
		case <-entered:
			assert.Fail(t, "w2 came in before w1 had seen it")
		default:
		}
		<-first.News()
		assert.Equal(t, map[string]int32{"w0": 0, "w1": 1, "w2": 2}, ranksOf(first.Group()))
		first.See(first.Group().GetRevision())
		require.NoError(t, <-entered)

		third := make(chan error, 1)
		go func() {
			_, err := r.Enter(t.Context(), asMember("w3", -1), 7)
			third <- err
		}()
		synctest.Wait()
		first.Lost()
		synctest.Wait()
		select {
		case <-third:
			assert.Fail(t, "w3 came in before w2 had seen it")
		default:
		}
	})
}

// TestRoster_broken: a member whose stream broke comes again within the grace and is who it was; else it has gone, and its name is free
// at once for another process.
func TestRoster_broken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoster()
		var lists [][]membership.Member
		r.Apply = func(m []membership.Member) { lists = append(lists, m) }
		s, err := r.Enter(t.Context(), asMember("w1", 1), 5)
		require.NoError(t, err)
		s.Lost()
		<-time.After(grace / 2)
		again, err := r.Enter(t.Context(), asMember("w1", 1), 5)
		require.NoError(t, err)
		<-time.After(2 * grace)
		assert.Len(t, ranksOf(again.Group()), 2)

		again.Lost()
		other, err := r.Enter(t.Context(), asMember("w1", -1), 6)
		require.NoError(t, err)
		assert.NotSame(t, s, other)
		other.Lost()
		<-time.After(grace + time.Second)
		assert.Len(t, ranksOf(other.Group()), 1)
		assert.Len(t, lists[len(lists)-1], 1)
	})
}

// TestRoster_oldStream: a member that comes again by a new stream is told everything by that, before the coordinator has noticed that
// the old one broke; and that notice changes nothing.
func TestRoster_oldStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := newRoster()
		old, err := r.Enter(t.Context(), asMember("w1", 1), 5)
		require.NoError(t, err)
		waits := make(chan error, 1)
		go func() {
			s, err := r.Enter(t.Context(), asMember("w2", 2), 6)
			waits <- err
			sees(ctx, s)
		}()
		synctest.Wait()
		again, err := r.Enter(t.Context(), asMember("w1", 1), 5)
		require.NoError(t, err)
		again.See(again.Group().GetRevision())
		require.NoError(t, <-waits)

		go sees(ctx, old)
		go sees(ctx, again)
		third, err := r.Enter(t.Context(), asMember("w3", 3), 7)
		require.NoError(t, err)
		go sees(ctx, third)
		old.Lost()
		require.NoError(t, old.Leave(t.Context()))
		<-time.After(2 * grace)
		assert.Len(t, ranksOf(third.Group()), 4)
	})
}

func TestRoster_refuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoster()
		_, err := r.Enter(t.Context(), asMember("w1", 1), 5)
		require.NoError(t, err)
		for m, text := range map[*agentpb.Member]string{
			asMember("w1", 2): "there is a worker named w1 already",
			asMember("w2", 1): "rank 1, which worker w2 wants, is worker w1's",
			asMember("w0", 3): "there is a worker named w0 already",
		} {
			_, err := r.Enter(t.Context(), m, 9)
			var refused *rpcerr.Error
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, codes.AlreadyExists, refused.Code)
			assert.ErrorContains(t, err, text)
		}
	})
}

func TestRoster_hasRoomForSoMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := newRoster()
		for i := range membership.MaxMembers - 1 {
			s, err := r.Enter(ctx, asMember(fmt.Sprint("m", i), -1), 5)
			require.NoError(t, err)
			s.Lost() // nobody waits for it
		}
		_, err := r.Enter(ctx, asMember("more", -1), 6)
		require.ErrorContains(t, err, "the group has 1024 workers")
		_, err = r.Enter(ctx, asMember("m1", -1), 6)
		require.NoError(t, err, "it takes the place of one that has gone")
		<-time.After(2 * grace)
	})
}

// TestRoster_alone: the coordinator waits for all others, and lets nobody in then.
func TestRoster_alone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoster()
		s, err := r.Enter(t.Context(), asMember("w1", 1), 5)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		go sees(ctx, s)
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		require.ErrorContains(t, r.AwaitAlone(short), "w1 did not join")
		alone := make(chan error, 1)
		go func() { alone <- r.AwaitAlone(t.Context()) }()
		synctest.Wait()
		cancel()
		require.NoError(t, s.Leave(t.Context()))
		require.NoError(t, <-alone)
		_, err = r.Enter(t.Context(), asMember("w2", 2), 6)
		require.ErrorContains(t, err, "is leaving")
	})
}
