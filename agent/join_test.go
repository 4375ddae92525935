package agent_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/cleanup"
)

// named makes configurations w0, w1, … with the same executor.
func named(n int, serve agent.Executor) []agent.Config {
	configs := make([]agent.Config, n)
	for i := range configs {
		configs[i] = agent.Config{Name: fmt.Sprintf("w%d", i), Executor: serve}
	}
	return configs
}

// joinAll has all agents join, and returns what each got.
func joinAll(ctx context.Context, agents []*agent.Agent) []error {
	errs := make([]error, len(agents))
	var all sync.WaitGroup
	for i, a := range agents {
		all.Go(func() { _, errs[i] = a.Join(ctx) })
	}
	all.Wait()
	return errs
}

// Work that begets work on workers that have joined already must end before anybody goes.
func TestJoin_waitsForTheLastCall(t *testing.T) {
	var agents []*agent.Agent
	var ready sync.WaitGroup
	ready.Add(1)
	var left atomic.Int64
	left.Store(400)
	hop := func(ctx context.Context, _ agent.Request) (agent.Reply, error) {
		ready.Wait()
		if left.Add(-1) <= 0 {
			return agent.Reply{}, nil
		}
		// The caller does not wait for what it started: the chain lives on in calls alone.
		me, _ := agent.PeerFrom(ctx)
		to := agents[(me.Rank+1+rand.IntN(3))%4]
		to.CallAsync(context.Background(), agents[rand.IntN(4)].Name(), agent.Request{}).Then(func(_ agent.Reply, err error) {
			assert.NoError(t, err)
		})
		return agent.Reply{}, nil
	}
	agents = start(t, named(4, agent.ExecutorFunc(hop))...)
	ready.Done()
	for _, a := range agents {
		a.CallAsync(testContext(t), "w2", agent.Request{})
	}
	for i, err := range joinAll(testContext(t), agents) {
		assert.NoError(t, err, "w%d", i)
	}
	assert.LessOrEqual(t, left.Load(), int64(0), "every hop was made")
	_, err := agents[0].Call(testContext(t), "w1", agent.Request{})
	assert.ErrorIs(t, err, agent.ErrClosed)
}

// What a callback begins belongs to what the group waits for.
func TestJoin_waitsForCallbacks(t *testing.T) {
	inWorldOf(t, 2, echo, func(t *testing.T, agents []*agent.Agent) {
		hold, joining := make(chan struct{}), make(chan struct{})
		last := make(chan error, 1)
		agents[0].CallAsync(testContext(t), "w1", agent.Request{}).Then(func(agent.Reply, error) {
			close(joining)
			<-hold
			_, err := agents[0].Call(testContext(t), "w1", agent.Request{})
			last <- err
		})
		<-joining
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		for _, err := range joinAll(ctx, agents) {
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		}
		close(hold)
		for _, err := range joinAll(testContext(t), agents) {
			assert.NoError(t, err)
		}
		assert.NoError(t, <-last)
	})
}

func TestJoin_namesWhoIsMissing(t *testing.T) {
	var leave chan struct{}
	hold := agent.ExecutorFunc(func(context.Context, agent.Request) (agent.Reply, error) {
		<-leave
		return agent.Reply{}, nil
	})
	inWorldOf(t, 4, hold, func(t *testing.T, agents []*agent.Agent) {
		leave = make(chan struct{})
		busy := agents[2].CallAsync(testContext(t), "w3", agent.Request{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		errs := joinAll(ctx, agents[:3])
		for i, err := range errs {
			assert.ErrorIs(t, err, context.DeadlineExceeded, "w%d", i)
		}
		assert.ErrorContains(t, errs[0], "w2, w3 did not join or has calls in progress")
		assert.ErrorContains(t, errs[1], "w2, w3 did not join or has calls in progress")
		assert.ErrorContains(t, errs[2], "1 calls are in progress here")
		close(leave)
		_, err := busy.Wait(testContext(t))
		require.NoError(t, err, "a join that failed has closed nothing")
		for i, err := range joinAll(testContext(t), agents) {
			assert.NoError(t, err, "w%d, again", i)
		}
	})
}

func TestJoin_ofOne(t *testing.T) {
	a := start(t, named(1, echo)...)[0]
	_, err := a.Join(testContext(t))
	assert.NoError(t, err)
	_, err = a.Join(testContext(t))
	assert.ErrorIs(t, err, agent.ErrClosed)
}

func TestJoin_deadWorker(t *testing.T) {
	inWorldOf(t, 3, echo, func(t *testing.T, agents []*agent.Agent) {
		_, err := agents[1].Shutdown(testContext(t))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = agents[0].Join(ctx)
		assert.ErrorContains(t, err, "w1, w2 did not join")
		_, err = agents[0].Shutdown(testContext(t))
		require.NoError(t, err)
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = agents[2].Join(ctx)
		assert.Error(t, err, "the leader is dead")
	})
}

func TestShutdown_endsWhatIsInProgress(t *testing.T) {
	entered, canceled := make(chan struct{}, 2), make(chan error, 2)
	agents := start(t, named(2, agent.ExecutorFunc(func(ctx context.Context, _ agent.Request) (agent.Reply, error) {
		entered <- struct{}{}
		<-ctx.Done()
		canceled <- ctx.Err()
		return agent.Reply{}, ctx.Err()
	}))...)
	there := agents[0].CallAsync(testContext(t), "w1", agent.Request{})
	back := agents[1].CallAsync(testContext(t), "w0", agent.Request{})
	<-entered
	<-entered
	report, err := agents[1].Shutdown(testContext(t))
	require.NoError(t, err)
	assert.Equal(t, "agent w1", report.Steps[0].Name)
	_, err = back.Wait(testContext(t))
	assert.ErrorIs(t, err, agent.ErrClosed)
	_, err = there.Wait(testContext(t))
	assert.Equal(t, codes.Unavailable, status.Code(err))
	assert.ErrorContains(t, err, "worker w1 was shut down")
	<-canceled
	<-canceled
	_, err = agents[1].Shutdown(testContext(t))
	assert.NoError(t, err, "again")
	_, err = agents[0].Call(testContext(t), "w1", agent.Request{})
	assert.Equal(t, codes.Unavailable, status.Code(err), "%v", err)
}

func TestShutdown_namesWhatDoesNotEnd(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	c := named(1, agent.ExecutorFunc(func(context.Context, agent.Request) (agent.Reply, error) {
		close(entered)
		<-leave
		return agent.Reply{}, nil
	}))[0]
	c.Cleanup = cleanup.New(cleanup.WithStepDeadline(5e7), cleanup.WithGrace(2e7))
	a := start(t, c)[0]
	f := a.CallAsync(testContext(t), "w0", agent.Request{})
	<-entered
	_, err := a.Shutdown(testContext(t))
	assert.ErrorContains(t, err, "are still in execution")
	close(leave)
	_, _ = f.Wait(testContext(t))
}

func TestShutdown_byTheRegistryOfTheProcess(t *testing.T) {
	reg := cleanup.New()
	a := start(t, agent.Config{Name: "w0", Cleanup: reg})[0]
	_, err := reg.Run(testContext(t))
	require.NoError(t, err)
	_, err = a.Call(testContext(t), "w0", agent.Request{})
	assert.ErrorIs(t, err, agent.ErrClosed)
	assert.ErrorIs(t, a.WaitReady(testContext(t)), agent.ErrClosed)
}

func TestNew_withoutServe(t *testing.T) {
	a, err := agent.New(agent.Config{Name: "w0", Executor: echo})
	require.NoError(t, err)
	_, err = a.Shutdown(testContext(t))
	require.NoError(t, err)
	assert.NoError(t, a.Serve(), "a closed agent serves nobody, as it should")
	assert.Error(t, a.Serve(), "a second time")
}
