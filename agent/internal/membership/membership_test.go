package membership_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent/internal/membership"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

func TestMembers(t *testing.T) {
	m := membership.NewMembers()
	assert.False(t, m.IsKnown())
	assert.Empty(t, m.All())
	assert.Empty(t, m.Names())
	_, err := m.Find("w1")
	assert.ErrorIs(t, err, membership.ErrUnknown)

	m.Set([]membership.Member{{"w1", 5, "b:1"}, {"w0", 2, "a:1"}})
	<-m.Known()
	assert.Equal(t, []string{"w0", "w1"}, m.Names(), "by rank")
	assert.Equal(t, "w0", m.Leader())
	found, err := m.Find("w1")
	require.NoError(t, err)
	assert.Equal(t, membership.Member{"w1", 5, "b:1"}, found)
	_, err = m.Find("x")
	assert.Equal(t, codes.NotFound, status.Code(err))
	assert.ErrorContains(t, err, `unknown worker "x"; there are w0, w1`)
}

func TestFromGroup_refusesWhatIsNoGroup(t *testing.T) {
	of := func(members ...*agentpb.Member) error {
		_, _, err := membership.FromGroup(&agentpb.Group{Members: members}, "w0", 2)
		return err
	}
	assert.NoError(t, of(member("w0", 0), member("w1", 1)))
	assert.ErrorContains(t, of(member("w0", 0), member("w0", 1)), "two workers are named w0")
	assert.ErrorContains(t, of(member("w0", 0), member("w1", 0)), "rank 0 of worker w1 is taken by w0")
	assert.ErrorContains(t, of(member("w0", 0), member("w1", -1)), "or negative")
	assert.ErrorContains(t, of(member("w0", 0)), "1 workers of 2, and w0 has rank 0")
	assert.ErrorContains(t, of(member("w1", 0), member("w2", 1)), "w0 has rank -1")
}

// The leader connects to every member once. A member connects to the leader again and again, until nothing listens there.
func TestKeepInTouch(t *testing.T) {
	inGroup(t, 3, true, func(t *testing.T, g *group) {
		membership.KeepInTouch(t.Context(), g.members, "w0", &g.network)
		assert.Equal(t, 2, g.network.attempted())

		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{}, 1)
		keep := func() {
			membership.KeepInTouch(ctx, g.members, "w2", &g.network)
			ended <- struct{}{}
		}
		go keep()
		after(time.Hour)
		assert.Greater(t, g.network.attempted(), 100)
		g.network.cut("w0", context.DeadlineExceeded)
		after(time.Hour)
		require.Empty(t, ended, "it may be there again")
		cancel()
		<-ended
		ctx = t.Context()
		g.network.cut("w0", errRefused)
		go keep()
		after(time.Hour)
		<-ended
		synctest.Wait()
	})
}
