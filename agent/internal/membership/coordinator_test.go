package membership_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
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

// logText collects what is logged.
type logText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logText) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// joins has workers join a coordinator, and keeps what each got.
type joins struct {
	t *testing.T
	c *membership.Coordinator
}

// outcome is what a worker got of Join.
type outcome struct {
	group *agentpb.Group
	err   error
}

func member(name string, rank int32) *agentpb.Member {
	return &agentpb.Member{Name: name, Rank: rank, Address: name + ":1"}
}

// start has a worker join on a goroutine, and returns when it waits or has an outcome.
func (j joins) start(ctx context.Context, name string, rank int32, incarnation uint64) <-chan outcome {
	got := make(chan outcome, 1)
	go func() {
		g, err := j.c.Join(ctx, member(name, rank), incarnation, 3)
		got <- outcome{g, err}
	}()
	synctest.Wait()
	return got
}

// refused has a worker join that must not.
func (j joins) refused(name string, rank int32, incarnation uint64, size int) error {
	_, err := j.c.Join(j.t.Context(), member(name, rank), incarnation, size)
	require.Error(j.t, err, "%s joined", name)
	return err
}

// inBubble runs a test with the coordinator of a group of three, whose log is said.
func inBubble(t *testing.T, test func(t *testing.T, j joins, said *logText)) {
	synctest.Test(t, func(t *testing.T) {
		var said logText
		test(t, joins{t, membership.NewCoordinator(3, said.logger())}, &said)
	})
}

func ranks(g *agentpb.Group) (all []string) {
	for _, m := range g.GetMembers() {
		all = append(all, fmt.Sprintf("%d %s", m.GetRank(), m.GetName()))
	}
	return all
}

// All get the same group, in which every rank is given once: to a worker that wants it, or in the order of arrival.
func TestCoordinator_givesRanksByArrival(t *testing.T) {
	inBubble(t, func(t *testing.T, j joins, said *logText) {
		all := []<-chan outcome{j.start(t.Context(), "a", -1, 1), j.start(t.Context(), "b", 0, 2)}
		for _, got := range all {
			require.Empty(t, got, "the group is not complete")
		}
		all = append(all, j.start(t.Context(), "c", -1, 3))
		for _, got := range all {
			o := <-got
			require.NoError(t, o.err)
			assert.Equal(t, []string{"0 b", "1 a", "2 c"}, ranks(o.group))
		}
		assert.Equal(t, 3, strings.Count(said.String(), "a worker has come"))
	})
}

func TestCoordinator_whatDoesNotBelongIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T, j joins, _ *logText) {
		first, cancel := context.WithCancel(t.Context())
		gone := j.start(first, "w0", 1, 10)
		host := j.start(t.Context(), "w1", 0, 11)
		for _, c := range []struct {
			err  error
			code codes.Code
			text string
		}{
			{j.refused("w0", -1, 12, 3), codes.AlreadyExists, "there is a worker named w0 already, at w0:1"},
			{j.refused("x", 1, 12, 3), codes.AlreadyExists, "rank 1, which worker x wants, is worker w0's"},
			{j.refused("x", 3, 12, 3), codes.InvalidArgument, "worker x wants rank 3, the group has ranks 0 to 2"},
			{j.refused("x", -1, 12, 4), codes.FailedPrecondition, "worker x expects 4 workers, the coordinator 3"},
		} {
			assert.Equal(t, c.code, status.Code(c.err), "%v", c.err)
			assert.ErrorContains(t, c.err, c.text)
		}
		assert.Equal(t, "1 of 3: ranks not taken are 2; here are w0 (rank 1), w1 (rank 0)", j.c.Missing())

		cancel() // it goes before the group is complete, and another takes its place
		assert.ErrorIs(t, (<-gone).err, context.Canceled)
		assert.Equal(t, "2 of 3: ranks not taken are 1, 2; here are w1 (rank 0)", j.c.Missing())
		again, last := j.start(t.Context(), "w0", -1, 13), j.start(t.Context(), "w2", -1, 14)
		for _, got := range []<-chan outcome{host, again, last} {
			o := <-got
			require.NoError(t, o.err)
			assert.Equal(t, []string{"0 w1", "1 w0", "2 w2"}, ranks(o.group))
		}
		assert.ErrorContains(t, j.refused("x", -1, 15, 3), "the group of 3 is complete: worker x comes too late")
	})
}

// With two workers of one name the group can never be complete. All are told when all are there, the workers of other names too,
// and whoever comes later.
func TestCoordinator_twinsAreToldWithAllOthers(t *testing.T) {
	inBubble(t, func(t *testing.T, j joins, said *logText) {
		all := []<-chan outcome{j.start(t.Context(), "w0", 0, 1), j.start(t.Context(), "w0", 2, 2)}
		for _, got := range all {
			require.Empty(t, got, "one is missing")
		}
		assert.Contains(t, said.String(), "two workers have one name")
		all = append(all, j.start(t.Context(), "w1", 1, 3))
		for _, got := range all {
			o := <-got
			assert.Equal(t, codes.AlreadyExists, status.Code(o.err))
			assert.ErrorContains(t, o.err, "the worker name w0 is not unique: the workers of ranks 0 and 2 have it")
		}
		assert.ErrorContains(t, j.refused("w2", -1, 4, 3), "is not unique")
	})
}

// A twin that the rest of the group does not follow is told alone, and the group may be complete without it. One that has the
// coordinator's name is told in the same way.
func TestCoordinator_twinsAreToldAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, j joins, _ *logText) {
		host := j.start(t.Context(), "w0", 0, 1)
		began := time.Now()
		assert.ErrorContains(t, j.refused("w0", 2, 2, 3), "is not unique")
		assert.Equal(t, 5*time.Second, time.Since(began))
		assert.ErrorContains(t, j.c.JoinTwin(t.Context(), member("w0", 1)), "the workers of ranks 0 and 1")
		assert.NoError(t, j.c.JoinTwin(t.Context(), member("w0", -1)), "it says nothing that the group has to know")
		assert.NoError(t, j.c.JoinTwin(t.Context(), member("w0", 0)), "it may be the same that was started twice")
		j.start(t.Context(), "w1", 1, 3)
		j.start(t.Context(), "w2", 2, 4)
		assert.NoError(t, (<-host).err)
	})
}

// A worker whose connection broke comes again, with a new address. It stays as long as one of its requests waits, and has the
// group whenever it asks.
func TestCoordinator_theSameWorkerComesAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, j joins, _ *logText) {
		broken, cancel := context.WithCancel(t.Context())
		first := j.start(broken, "w0", -1, 10)
		second := make(chan outcome, 1)
		go func() {
			g, err := j.c.Join(t.Context(), &agentpb.Member{Name: "w0", Rank: -1, Address: "elsewhere:1"}, 10, 3)
			second <- outcome{g, err}
		}()
		synctest.Wait()
		cancel()
		assert.ErrorIs(t, (<-first).err, context.Canceled)
		assert.Contains(t, j.c.Missing(), "here are w0", "its second request waits")
		j.start(t.Context(), "w1", -1, 11)
		j.start(t.Context(), "w2", -1, 12)
		o := <-second
		require.NoError(t, o.err)
		assert.Equal(t, "elsewhere:1", o.group.GetMembers()[0].GetAddress())
		o = <-j.start(t.Context(), "w0", -1, 10)
		require.NoError(t, o.err, "a group that it knows already")
	})
}

// A worker that has left a group may be there for the next one while the coordinator, under the same address, is still
// leaving. It is told to try again.
func TestCoordinator_ofTheNextGroup(t *testing.T) {
	inBubble(t, func(t *testing.T, j joins, _ *logText) {
		for i, name := range []string{"w0", "w1", "w2"} {
			j.start(t.Context(), name, -1, uint64(i+1))
		}
		assert.ErrorContains(t, j.refused("w1", 1, 9, 3), "already", "a group that stays has no room for another of the name")
		j.c.Close()
		for _, name := range []string{"w1", "x"} {
			err := j.refused(name, 1, 9, 3)
			assert.ErrorContains(t, err, "is leaving")
			assert.Equal(t, codes.Unavailable, status.Code(err), "it is to be tried again")
		}
		assert.NoError(t, (<-j.start(t.Context(), "w1", 1, 2)).err, "a member that asks again")
	})
}

// One of the requests that wait logs who is missing, at first after 5 s, and then less and less often. When it gives up another
// one does.
func TestCoordinator_logsWhoIsMissing(t *testing.T) {
	inBubble(t, func(t *testing.T, j joins, said *logText) {
		patient, cancel := context.WithCancel(t.Context())
		first := j.start(patient, "w0", 0, 1)
		j.start(t.Context(), "w1", -1, 2)
		warnings := func() int { return strings.Count(said.String(), "still waiting for the group") }
		sleep := func(d time.Duration) { <-time.After(d); synctest.Wait() }
		sleep(membership.ReminderInterval - time.Second)
		assert.Zero(t, warnings())
		sleep(2 * time.Second)
		assert.Equal(t, 1, warnings(), "one is enough")
		assert.Contains(t, said.String(), `missing="1 of 3: ranks not taken are 1, 2; here are w0 (rank 0), w1"`)
		sleep(time.Hour)
		hour := warnings()
		assert.Greater(t, hour, 5)
		assert.Less(t, hour, 12)
		cancel()
		<-first
		sleep(2 * time.Hour)
		assert.Greater(t, warnings(), hour, "the second one goes on")
		j.start(t.Context(), "w2", -1, 3)
		j.start(t.Context(), "w3", -1, 4)
	})
}

// A remote coordinator is asked again while what it fails with may pass; after each failure the pause is that of Backoff.
func TestRemote_asksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said logText
		passing, final := fmt.Errorf("not there yet"), fmt.Errorf("you do not belong here")
		asked := 0
		r := membership.Remote{
			Address: "c:1", Log: said.logger(),
			Passing: func(err error) bool { return err == passing },
			Backoff: func(failures int) time.Duration { return time.Duration(failures) * time.Second },
			Ask: func(ctx context.Context) (*agentpb.Group, error) {
				asked++
				if asked == 5 {
					<-time.After(membership.ReminderInterval + time.Second) // it waits for others
					return &agentpb.Group{}, nil
				}
				return nil, passing
			},
		}
		began := time.Now()
		g, err := r.Join(t.Context())
		require.NoError(t, err)
		assert.NotNil(t, g)
		assert.Equal(t, (1+2+3+4)*time.Second+membership.ReminderInterval+time.Second, time.Since(began))
		assert.Contains(t, said.String(), `level=INFO msg="agent: waiting for the coordinator" coordinator=c:1 attempt=1 err="not there yet"`)
		assert.Contains(t, said.String(), "level=WARN msg=\"agent: waiting for the coordinator\"", "after 5 s it is no news any more")
		assert.Contains(t, said.String(), "the coordinator says who is missing")

		asked = 0
		r.Ask = func(context.Context) (*agentpb.Group, error) { asked++; return nil, final }
		_, err = r.Join(t.Context())
		assert.Equal(t, final, err)
		assert.Equal(t, 1, asked)

		r.Ask = func(context.Context) (*agentpb.Group, error) { return nil, passing }
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err = r.Join(ctx)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
