//go:build linux

package agent_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/shm"
)

// The sizes in bytes from which on a body goes through shared memory, and a reply is copied apart.
const (
	shareFrom = 32 << 10
	copyAside = 1 << 20
)

// echoed makes a call of the size and expects it back.
func echoed(t *testing.T, a *agent.Agent, to string, size int) {
	t.Helper()
	body := agent.Bytes([]byte("head"), bytes.Repeat([]byte{byte(size)}, size), nil, []byte("tail"))
	reply, err := a.Call(testContext(t), to, agent.Request{Body: body})
	require.NoError(t, err)
	require.Len(t, reply.Body.Segments(), len(body.Segments()))
	for i := range body.Segments() {
		require.True(t, bytes.Equal(body.Segments()[i], reply.Body.Segments()[i]), "segment %d", i)
	}
}

// shares makes calls until bodies go through shared memory.
func shares(t *testing.T, a *agent.Agent, to string) {
	t.Helper()
	ctx := testContext(t)
	for before := a.Stats().Shared; a.Stats().Shared == before; {
		_, _ = a.Call(ctx, to, agent.Request{Body: agent.Bytes(make([]byte, shareFrom))})
		require.NoError(t, ctx.Err())
	}
}

func TestShared_largeBodiesBothWays(t *testing.T) {
	pair := start(t, agent.Config{Name: "w0"}, agent.Config{Name: "w1"})
	for _, a := range pair {
		to := "w1"
		if a.Name() == to {
			to = "w0"
		}
		shares(t, a, to)
		before := a.Stats().Shared
		for _, size := range []int{shareFrom, 1 << 20, copyAside + 1, 10 << 20} {
			echoed(t, a, to, size)
		}
		assert.Equal(t, before+4, a.Stats().Shared)
	}
	before := pair[0].Stats().Shared
	echoed(t, pair[0], "w1", shareFrom/2)
	assert.Equal(t, before, pair[0].Stats().Shared, "small ones do not")
}

func TestShared_RRefs(t *testing.T) {
	pair := start(t, agent.Config{Name: "w0"}, agent.Config{Name: "w1", Executor: &keeper{live: &atomic.Int64{}}})
	body := bytes.Repeat([]byte("x"), 1<<20)
	for range 5 {
		r, err := pair[0].Remote(testContext(t), "w1", agent.Request{Body: agent.Bytes(body)}, nil)
		require.NoError(t, err)
		got, err := r.ToHere(testContext(t))
		require.NoError(t, err)
		require.True(t, bytes.Equal(body, got.Bytes()))
		r.Release()
	}
	assert.NotZero(t, pair[0].Stats().Shared)
	assert.NotZero(t, pair[1].Stats().Shared)
}

// TestShared_notWhereOneDoesNotWant: the bodies arrive all the same.
func TestShared_notWhereOneDoesNotWant(t *testing.T) {
	for name, limits := range map[string][2]agent.Limits{
		"the caller":          {{Shared: -1}, {}},
		"the called":          {{}, {Shared: -1}},
		"not enough to begin": {{}, {Shared: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			pair := start(t, agent.Config{Name: "w0", Limits: limits[0]}, agent.Config{Name: "w1", Limits: limits[1]})
			for range 5 {
				echoed(t, pair[0], "w1", 1<<20)
			}
			assert.Zero(t, pair[0].Stats().Shared+pair[1].Stats().Shared)
		})
	}
}

func TestShared_notWithGuests(t *testing.T) {
	host := start(t, agent.Config{Name: "w0", Guests: []string{"cli"}})[0]
	guest := guestOf(t, "cli", host)
	for range 5 {
		echoed(t, guest, "w0", 1<<20)
	}
	assert.Zero(t, host.Stats().Shared+guest.Stats().Shared)
}

// TestShared_nothingIsLeftBehind gives calls up at any moment. A place that was forgotten would be missing: there
// are four.
func TestShared_nothingIsLeftBehind(t *testing.T) {
	limits := agent.Limits{Shared: 1 << 20, ServingPerPeer: 2}
	pair := start(t, agent.Config{Name: "w0", Limits: limits}, agent.Config{Name: "w1", Limits: limits})
	var group sync.WaitGroup
	for seed := range uint64(8) {
		group.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 1))
			for range 50 {
				ctx, cancel := context.WithCancel(testContext(t))
				future := pair[0].CallAsync(ctx, "w1", agent.Request{Body: agent.Bytes(make([]byte, shareFrom<<rng.IntN(3)))})
				if rng.IntN(2) == 0 {
					cancel()
				}
				_, _ = future.Wait(testContext(t)) // given up, refused or well
				cancel()
			}
		})
	}
	group.Wait()
	for range 8 {
		shares(t, pair[0], "w1")
	}
}

// TestShared_aPlaceThatIsNone is from a peer that is let in and not to be trusted.
func TestShared_aPlaceThatIsNone(t *testing.T) {
	a := start(t, agent.Config{Name: "w0", Executor: &keeper{}}, agent.Config{Name: "w1"})[0]
	hello := &agentpb.Hello{Version: security.ProtocolVersion, Name: "w1", Rank: 1, Incarnation: 1, Nonce: shm.NewNonce(), Shared: 1 << 30}
	place := &agentpb.Place{Pid: uint64(os.Getpid()), Fd: 1, Capacity: 1 << 20, Generation: 1}
	huge := &agentpb.Place{Pid: 1 << 63, Fd: 1 << 63, Capacity: 1 << 63, Generation: 1 << 63}
	for name, f := range map[string]*agentpb.Frame{
		"of a call":     {Method: agentpb.Method_METHOD_CALL, Place: place},
		"out of range":  {Method: agentpb.Method_METHOD_CALL, Place: huge},
		"of a remote":   {Method: agentpb.Method_METHOD_REMOTE, Place: place},
		"besides bytes": {Method: agentpb.Method_METHOD_CALL, Place: place, Data: []byte("x")},
	} {
		t.Run(name, func(t *testing.T) {
			hello.Incarnation++
			p := dialRaw(t, a, hello)
			f.Kind, f.Call, f.Sizes = agentpb.Kind_KIND_REQUEST, 1, []uint64{100_000}
			p.send(f)
			var err error
			for err == nil { // the call's failure may come first
				_, err = p.stream.Recv()
			}
			assert.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
			assert.ErrorContains(t, err, "protocol violation")
		})
	}
	require.Eventually(t, func() bool { return a.Stats().IncomingBytes == 0 }, patience, time.Millisecond)
}
