package agent_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
)

// deaf keeps values that it makes when it is let go, whether its context has ended or not.
type deaf struct {
	*keeper
	release, ended chan struct{}
}

func (d *deaf) ExecuteRemote(ctx context.Context, req agent.Request) (agent.Value, error) {
	<-ctx.Done()
	close(d.ended)
	<-d.release
	return newText(string(req.Body.Bytes()), d.live), nil
}

const tooLate = "RRef creation via rpc.remote() timed out, and it is possible that the RRef on the owner node does not exist: " +
	"RPC ran for more than set timeout (50 ms)"

func TestRRef_theMakingOfAValueHasATimeout(t *testing.T) {
	agents, ks, live := keepers(t, 2)
	ks[0].hold, ks[1].hold = make(chan struct{}), make(chan struct{})
	for _, to := range []string{"w0", "w1"} {
		r, err := agents[0].Remote(testContext(t), to, agent.Request{Body: agent.Bytes([]byte("v")), ValueTimeout: 50 * time.Millisecond}, nil)
		require.NoError(t, err)
		_, err = r.ToHere(testContext(t))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, tooLate)
		r.Release()
	}
	for _, err := range joinAll(testContext(t), agents) {
		assert.NoError(t, err)
	}
	assert.Zero(t, live.Load())
}

func TestRRef_aValueThatComesTooLateIsReleased(t *testing.T) {
	live := new(atomic.Int64)
	configs := named(2, nil)
	d := &deaf{&keeper{live: live}, make(chan struct{}), make(chan struct{})}
	configs[0].Executor, configs[1].Executor = &keeper{live: live}, d
	agents := start(t, configs...)
	r, err := agents[0].Remote(testContext(t), "w1", agent.Request{Body: agent.Bytes([]byte("v")), ValueTimeout: 50 * time.Millisecond}, nil)
	require.NoError(t, err)
	_, err = r.ToHere(testContext(t))
	assert.ErrorContains(t, err, tooLate, "while the value is still being made")
	<-d.ended
	close(d.release)
	_, err = r.ToHere(testContext(t))
	assert.ErrorContains(t, err, tooLate)
	r.Release()
	for _, err := range joinAll(testContext(t), agents) {
		assert.NoError(t, err)
	}
	assert.Zero(t, live.Load())
}
