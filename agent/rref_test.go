package agent_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// keeper is an Executor that keeps what it is asked, and adopts what it is called with.
type keeper struct {
	agent    *agent.Agent
	live     *atomic.Int64 // values that were not released
	received chan *agent.RRef
	hold     chan struct{} // if there is one, values wait for it
}

type text struct {
	s    string
	live *atomic.Int64
	once atomic.Bool
}

func (v *text) Fetch(context.Context) (agent.Body, error) { return agent.Bytes([]byte(v.s)), nil }

func (v *text) Release() {
	if !v.once.CompareAndSwap(false, true) {
		panic("released twice")
	}
	v.live.Add(-1)
}

func newText(s string, live *atomic.Int64) *text {
	live.Add(1)
	return &text{s: s, live: live}
}

func (k *keeper) Execute(_ context.Context, req agent.Request) (agent.Reply, error) {
	r, err := k.agent.Adopt(req.Body.Bytes())
	if err != nil {
		return agent.Reply{}, err
	}
	k.received <- r
	return agent.Reply{}, nil
}

func (k *keeper) ExecuteRemote(ctx context.Context, req agent.Request) (agent.Value, error) {
	if k.hold != nil {
		select {
		case <-k.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if s := string(req.Body.Bytes()); s != "fail" {
		return newText(s, k.live), nil
	}
	return nil, errors.New("no such luck")
}

// keepers makes a group of them.
func keepers(t *testing.T, n int) ([]*agent.Agent, []*keeper, *atomic.Int64) {
	live := new(atomic.Int64)
	ks := make([]*keeper, n)
	configs := named(n, nil)
	for i := range ks {
		ks[i] = &keeper{live: live, received: make(chan *agent.RRef, 1000)}
		configs[i].Executor = ks[i]
	}
	agents := start(t, configs...)
	for i, a := range agents {
		ks[i].agent = a
	}
	return agents, ks, live
}

// give sends an RRef to a worker, and returns what arrived there.
func give(t *testing.T, from *agent.Agent, r *agent.RRef, to *keeper) *agent.RRef {
	fork, err := r.Fork(testContext(t), to.agent.Name())
	require.NoError(t, err)
	_, err = from.Call(testContext(t), to.agent.Name(), agent.Request{Body: agent.Bytes(fork)})
	require.NoError(t, err)
	return <-to.received
}

func hereIs(t *testing.T, r *agent.RRef, want string) {
	t.Helper()
	b, err := r.ToHere(testContext(t))
	if assert.NoError(t, err, "%v", r) {
		assert.Equal(t, want, string(b.Bytes()))
	}
}

func TestRRef_remoteAndToHere(t *testing.T) {
	agents, _, live := keepers(t, 2)
	for _, to := range []string{"w0", "w1"} {
		r, err := agents[0].Remote(testContext(t), to, agent.Request{Body: agent.Bytes([]byte("v"))}, []byte("str"))
		require.NoError(t, err)
		hereIs(t, r, "v")
		hereIs(t, r, "v")
		assert.Equal(t, to == "w0", r.IsOwner())
		assert.Equal(t, to, r.Owner().Name)
		assert.Equal(t, "str", string(r.Type()))
		v, err := r.LocalValue(testContext(t))
		if to == "w0" {
			assert.Equal(t, "v", v.(*text).s)
		} else {
			assert.ErrorContains(t, err, "only worker w1 has the value")
		}
		r.Release()
		r.Release()
		_, err = r.ToHere(testContext(t))
		assert.ErrorIs(t, err, agent.ErrReleased)
		_, err = r.Fork(testContext(t), "w1")
		assert.ErrorIs(t, err, agent.ErrReleased)
	}
	for _, err := range joinAll(testContext(t), agents) {
		assert.NoError(t, err)
	}
	assert.Zero(t, live.Load())
}

func TestRRef_failures(t *testing.T) {
	agents, _, _ := keepers(t, 2)
	r, err := agents[0].Remote(testContext(t), "w1", agent.Request{Body: agent.Bytes([]byte("fail"))}, nil)
	require.NoError(t, err)
	_, err = r.ToHere(testContext(t))
	assert.ErrorContains(t, err, "no such luck")

	plain := start(t, named(2, echo)...)
	r, err = plain[0].Remote(testContext(t), "w1", agent.Request{}, nil)
	require.NoError(t, err)
	_, err = r.ToHere(testContext(t))
	assert.Equal(t, codes.Unimplemented, status.Code(err))
	assert.ErrorContains(t, r.WaitConfirmed(testContext(t)), "no RemoteExecutor")
	r.Release()
	_, err = plain[0].Remote(testContext(t), "nobody", agent.Request{}, nil)
	assert.ErrorIs(t, err, agent.ErrUnknownWorker)
	_, err = plain[0].Remote(testContext(t), "w0", agent.Request{}, nil)
	assert.ErrorContains(t, err, "no RemoteExecutor")

	for want, b := range map[string][]byte{"no fork of an RRef": []byte("\xff"), "whose owner is unknown": nil} {
		_, err = agents[0].Adopt(b)
		assert.ErrorContains(t, err, want)
	}
	for _, group := range [][]*agent.Agent{agents, plain} {
		for _, err := range joinAll(testContext(t), group) {
			assert.NoError(t, err)
		}
	}
}

// An RRef travels from its owner over users back to the owner; every copy keeps the value.
func TestRRef_travels(t *testing.T) {
	agents, ks, live := keepers(t, 3)
	r0, err := agents[0].NewRRef(newText("gold", live), []byte("t"))
	require.NoError(t, err)
	r1 := give(t, agents[0], r0, ks[1])
	r2 := give(t, agents[1], r1, ks[2])
	back := give(t, agents[2], r2, ks[0])
	self := give(t, agents[0], back, ks[0])
	assert.True(t, back.IsOwner() && self.IsOwner())
	assert.Equal(t, "t", string(r2.Type()))
	for _, r := range []*agent.RRef{r0, r1, r2, back, self} {
		hereIs(t, r, "gold")
	}
	for _, r := range []*agent.RRef{r0, r1, back, self} {
		r.Release()
	}
	hereIs(t, r2, "gold")
	r2.Release()
	assert.Eventually(t, func() bool { return live.Load() == 0 }, patience, pollInterval, "the last user's release")
	assert.Eventually(t, func() bool { return agents[0].Stats().RRefsOwned+agents[1].Stats().RRefsUsed == 0 }, patience, pollInterval)
}

func TestRRef_aForkIsGoodForOneUse(t *testing.T) {
	agents, ks, live := keepers(t, 3)
	r, err := agents[0].NewRRef(newText("x", live), nil)
	require.NoError(t, err)
	fork, err := r.Fork(testContext(t), "w1")
	require.NoError(t, err)
	r1, err := agents[1].Adopt(fork)
	require.NoError(t, err)
	_, err = agents[1].Adopt(fork)
	assert.ErrorContains(t, err, "good for one use")
	_, err = agents[2].Adopt(fork)
	assert.ErrorContains(t, err, `was made for worker "w1", and this is w2`)
	hereIs(t, r1, "x")

	// The same by way of a user.
	fork, err = r1.Fork(testContext(t), "w2")
	require.NoError(t, err)
	require.NoError(t, func() error {
		_, err := agents[1].Call(testContext(t), "w2", agent.Request{Body: agent.Bytes(fork)})
		return err
	}())
	hereIs(t, <-ks[2].received, "x")
	_, err = r.Fork(testContext(t), "nobody")
	assert.ErrorIs(t, err, agent.ErrUnknownWorker)
	for _, err := range joinAll(testContext(t), agents) {
		assert.NoError(t, err)
	}
	assert.Zero(t, live.Load())
}

func TestRRef_lostForksAreReported(t *testing.T) {
	agents, _, live := keepers(t, 2)
	r, err := agents[0].NewRRef(newText("x", live), nil)
	require.NoError(t, err)
	fork, err := r.Fork(testContext(t), "w1")
	require.NoError(t, err)
	require.Error(t, r.Unfork([]byte("?")))
	require.NoError(t, r.Unfork(fork), "one that was not sent is taken back")
	_, err = r.Fork(testContext(t), "w1") // and this one is lost
	require.NoError(t, err)
	errs := joinAll(testContext(t), agents)
	assert.ErrorIs(t, errs[0], agent.ErrLeaked)
	assert.ErrorContains(t, errs[0], "RRef (0, 0), used by worker w1 by fork (0, 2)")
	assert.NoError(t, errs[1])
	assert.Zero(t, live.Load(), "the value is released all the same")
}

func TestRRef_ofARestartedOwner(t *testing.T) {
	agents, ks, live := keepers(t, 2)
	r, err := agents[0].Remote(testContext(t), "w1", agent.Request{Body: agent.Bytes([]byte("v"))}, nil)
	require.NoError(t, err)
	hereIs(t, r, "v")
	kept, err := agents[0].NewRRef(newText("k", live), nil)
	require.NoError(t, err)
	kept1 := give(t, agents[0], kept, ks[1])
	kept.Release()
	hereIs(t, kept1, "k")
	assert.EqualValues(t, 2, live.Load())

	_, err = agents[1].Shutdown(testContext(t))
	assert.ErrorContains(t, err, "used by worker w0", "a shutdown says what it takes from others")
	_, err = r.ToHere(testContext(t))
	assert.Equal(t, codes.Unavailable, status.Code(err))
	again := startOne(t, agent.Config{Name: "w1", Rank: 1, Executor: ks[1], Listen: agents[1].Addr().String(), Peers: agents[0].Workers()})
	assert.Eventually(t, func() bool {
		_, err = r.ToHere(testContext(t))
		return errors.Is(err, agent.ErrOwnerGone)
	}, patience, pollInterval, "%v", err)
	assert.ErrorContains(t, err, "was restarted")
	_, err = again.Call(testContext(t), "w0", agent.Request{Body: agent.Bytes(nil)})
	assert.Error(t, err, "which is no fork")
	assert.Eventually(t, func() bool { return live.Load() == 0 }, patience, pollInterval, "what the former w1 held was released")
}

// A join waits for values that are being made, and the group can share them meanwhile.
func TestRRef_joinWaitsForValues(t *testing.T) {
	agents, ks, live := keepers(t, 2)
	ks[1].hold = make(chan struct{})
	r, err := agents[0].Remote(testContext(t), "w1", agent.Request{Body: agent.Bytes([]byte("late"))}, nil)
	require.NoError(t, err)
	require.NoError(t, r.WaitConfirmed(testContext(t)), "confirmed before there is a value")
	ctx, cancel := context.WithTimeout(t.Context(), 2e8)
	defer cancel()
	for _, err := range joinAll(ctx, agents) {
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	}
	close(ks[1].hold)
	for _, err := range joinAll(testContext(t), agents) {
		assert.NoError(t, err)
	}
	assert.Zero(t, live.Load())
}

// readFork is for tests that say something else than a fork does.
func readFork(t testing.TB, fork []byte) *agentpb.Fork {
	var f agentpb.Fork
	require.NoError(t, proto.Unmarshal(fork, &f))
	return &f
}
