//go:build linux

package agent_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/internal/frame"
	"github.com/gopyrpc/gopyrpc/agent/internal/security"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
	"github.com/gopyrpc/gopyrpc/internal/shm"
)

// numbered makes a body of a number.
func numbered(n uint64) agent.Body { return agent.Bytes(number(n)) }

func TestRing_wantsNoLargeBody(t *testing.T) {
	a, b := pair(t, echo)
	ringed(t, a, b)
	assert.Zero(t, a.Stats().Shared)
	reply, err := a.Call(testContext(t), "w1", agent.Request{Body: numbered(7)})
	require.NoError(t, err)
	assert.Equal(t, numbered(7), reply.Body)
}

func TestRing_notWhereOneDoesNotWant(t *testing.T) {
	pair := start(t, agent.Config{Name: "w0"}, agent.Config{Name: "w1", Limits: agent.Limits{Shared: -1}})
	for range 20 {
		echoed(t, pair[0], "w1", 100)
	}
	assert.Zero(t, pair[0].Stats().Rings+pair[1].Stats().Rings)
}

// TestRing_whoReadsForWhom: callers who wait, who do not, and who leave, at once. Each has its own reply.
func TestRing_whoReadsForWhom(t *testing.T) {
	a, b := pair(t, func(ctx context.Context, req agent.Request) (agent.Reply, error) {
		if n := binary.BigEndian.Uint64(req.Body.Bytes()); n%5 == 0 { // never, for the caller
			<-ctx.Done()
			return agent.Reply{}, ctx.Err()
		}
		return agent.Reply{Body: req.Body}, nil
	})
	ringed2(t, a, b)
	var group sync.WaitGroup
	for worker := range uint64(6) {
		group.Go(func() {
			rng := rand.New(rand.NewPCG(worker, 2))
			for i := range uint64(200) {
				n := worker<<32 + i
				ctx, cancel := context.WithCancel(testContext(t))
				if n%5 == 0 {
					if rng.IntN(2) == 0 {
						cancel()
					} else {
						go cancel()
					}
				}
				var reply agent.Reply
				var err error
				if rng.IntN(2) == 0 {
					reply, err = a.Call(ctx, "w1", agent.Request{Body: numbered(n)})
				} else {
					reply, err = a.CallAsync(ctx, "w1", agent.Request{Body: numbered(n)}).Wait(testContext(t))
				}
				cancel()
				if n%5 == 0 {
					assert.ErrorIs(t, err, context.Canceled)
				} else if assert.NoError(t, err) {
					assert.Equal(t, numbered(n), reply.Body)
				}
			}
		})
	}
	group.Wait()
}

// ringed2 is ringed for executors that want a number.
func ringed2(t *testing.T, a, b *agent.Agent) {
	t.Helper()
	for a.Stats().Rings == 0 || b.Stats().Rings == 0 {
		_, err := a.Call(testContext(t), b.Name(), agent.Request{Body: numbered(1)})
		require.NoError(t, err)
	}
}

// TestRing_callerThatReadsMayLeave: its context ends while it waits at the ring, with nothing coming.
func TestRing_callerThatReadsMayLeave(t *testing.T) {
	entered := make(chan struct{}, 1)
	a, b := pair(t, func(ctx context.Context, req agent.Request) (agent.Reply, error) {
		if req.Body.Size() == 0 {
			return agent.Reply{}, nil
		}
		entered <- struct{}{}
		<-ctx.Done()
		return agent.Reply{}, ctx.Err()
	})
	ringed(t, a, b)
	for range 20 {
		ctx, cancel := context.WithCancel(testContext(t))
		go func() {
			<-entered
			cancel()
		}()
		_, err := a.Call(ctx, "w1", agent.Request{Body: numbered(1)})
		assert.ErrorIs(t, err, context.Canceled)
	}
	_, err := a.Call(testContext(t), "w1", agent.Request{})
	assert.NoError(t, err)
}

// TestRing_endOfTheStreamEndsTheReader, also of a caller who reads for itself.
func TestRing_endOfTheStreamEndsTheReader(t *testing.T) {
	entered := make(chan struct{})
	a, b := pair(t, func(ctx context.Context, req agent.Request) (agent.Reply, error) {
		if req.Body.Size() == 0 {
			return agent.Reply{}, nil
		}
		close(entered)
		<-ctx.Done()
		return agent.Reply{}, ctx.Err()
	})
	ringed(t, a, b)
	failed := make(chan error)
	go func() {
		_, err := a.Call(testContext(t), "w1", agent.Request{Body: numbered(1)})
		failed <- err
	}()
	<-entered
	_, err := b.Shutdown(testContext(t))
	require.NoError(t, err)
	err = <-failed
	assert.Equal(t, codes.Unavailable, status.Code(err))
	assert.ErrorContains(t, err, "w1 was shut down")
}

// TestRing_brokenByThePeer: the stream ends, and says why; nobody else notices.
func TestRing_brokenByThePeer(t *testing.T) {
	agents := start(t, agent.Config{Name: "w0"}, agent.Config{Name: "w1"}, agent.Config{Name: "w2"})
	a := agents[0]
	for name, spoil := range map[string]func(ring *shm.RingWriter) error{
		"no frame":      func(ring *shm.RingWriter) error { return ring.Write([][]byte{{0xff}}) },
		"too long":      func(ring *shm.RingWriter) error { return ring.Write([][]byte{make([]byte, frame.MaxSize+1)}) },
		"a wrong frame": func(ring *shm.RingWriter) error { return ring.Write([][]byte{{8, byte(agentpb.Kind_KIND_REPLY)}}) },
		"of the stream": nil,
	} {
		t.Run(name, func(t *testing.T) {
			incarnations++
			p := dialRaw(t, a, &agentpb.Hello{Version: security.ProtocolVersion, Name: "w1", Rank: 1, Incarnation: incarnations, Nonce: shm.NewNonce(), Shared: 1 << 30})
			ring := p.ring(t, func() error { return nil })
			if spoil == nil {
				p.send(&agentpb.Frame{Kind: agentpb.Kind_KIND_REQUEST, Call: 1, Method: agentpb.Method_METHOD_CALL})
			} else {
				go func() { _ = spoil(ring) }() // may not be read to its end
			}
			var err error
			for err == nil {
				_, err = p.stream.Recv()
			}
			assert.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
			assert.ErrorContains(t, err, "protocol violation")
			echoed(t, agents[2], "w0", 100)
		})
	}
}

var incarnations uint64 = 1000

// TestRing_thatCannotBeOpened is nothing to complain of, until somebody switches to it.
func TestRing_thatCannotBeOpened(t *testing.T) {
	a := start(t, agent.Config{Name: "w0"}, agent.Config{Name: "w1"})[0]
	hello := &agentpb.Hello{Version: security.ProtocolVersion, Name: "w1", Rank: 1, Incarnation: 1, MaxMessage: 1 << 20, Nonce: shm.NewNonce(), Shared: 1 << 30}
	p := dialRaw(t, a, hello)
	p.send(&agentpb.Frame{Kind: agentpb.Kind_KIND_RING, Place: &agentpb.Place{Pid: uint64(os.Getpid()), Fd: 1, Capacity: 266240, Generation: 1}})
	p.send(&agentpb.Frame{Kind: agentpb.Kind_KIND_READY})
	p.send(p.request(1, "x"))
	p.until(agentpb.Kind_KIND_REPLY) // no answer: it goes on without
	p.send(&agentpb.Frame{Kind: agentpb.Kind_KIND_SWITCH})
	var err error
	for err == nil {
		_, err = p.stream.Recv()
	}
	assert.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
	assert.ErrorContains(t, err, "a switch to a ring that was never opened")
}

// TestRing_ofAPeerThatNeverReads: what waits for it goes with its stream.
func TestRing_ofAPeerThatNeverReads(t *testing.T) {
	a := start(t, agent.Config{Name: "w0", Limits: agent.Limits{ServingPerPeer: 1}}, agent.Config{Name: "w1"})[0]
	hello := &agentpb.Hello{Version: security.ProtocolVersion, Name: "w1", Rank: 1, Incarnation: 1, MaxMessage: 1 << 30, Nonce: shm.NewNonce(), Shared: 1 << 30}
	p := dialRaw(t, a, hello)
	full := make(chan struct{}, 1)
	ring := p.ring(t, func() error {
		select {
		case full <- struct{}{}:
		default:
		}
		return nil
	})
	write := func(f *agentpb.Frame) {
		b, err := proto.Marshal(f)
		require.NoError(t, err)
		require.NoError(t, ring.Write([][]byte{b}))
	}
	write(&agentpb.Frame{Kind: agentpb.Kind_KIND_ACCEPT})
	write(&agentpb.Frame{Kind: agentpb.Kind_KIND_INVITE})
	p.until(agentpb.Kind_KIND_RING)
	write(&agentpb.Frame{Kind: agentpb.Kind_KIND_READY})
	p.until(agentpb.Kind_KIND_SWITCH)
	require.Equal(t, 1, a.Stats().Rings)
	go func() { // most are refused, until no more refusals can be written, and so no more is read
		for i := uint64(1); ; i++ {
			b, _ := proto.Marshal(p.request(i, "x"))
			if ring.Write([][]byte{b}) != nil {
				return
			}
		}
	}()
	<-full
	require.NoError(t, p.conn.Close())
	require.Eventually(t, func() bool {
		s := a.Stats()
		return s.Rings == 0 && s.InFlight == 0 && s.QueuedBytes == 0
	}, patience, time.Millisecond)
}

// until receives frames up to one of the kind.
func (p *rawPeer) until(kind agentpb.Kind) {
	p.t.Helper()
	for f := new(agentpb.Frame); f.GetKind() != kind; {
		var err error
		f, err = p.stream.Recv()
		require.NoError(p.t, err)
	}
}

// placeOf says where a region is.
func placeOf(r shm.Region) *agentpb.Place {
	return &agentpb.Place{Pid: uint64(r.PID), Fd: uint64(r.FD), File: r.File, Capacity: uint64(r.Capacity), Generation: r.Generation}
}

// ring opens one to the worker, as a worker would.
func (p *rawPeer) ring(t *testing.T, stalled func() error) *shm.RingWriter {
	t.Helper()
	header, err := p.stream.Header()
	require.NoError(t, err)
	hello, err := security.ReadHello(header.Get(security.HelloKey))
	require.NoError(t, err)
	sender, err := shm.NewSender(hello.GetNonce(), 1<<30)
	require.NoError(t, err)
	t.Cleanup(sender.Close)
	place, ok := sender.Put(nil)
	require.True(t, ok)
	p.send(&agentpb.Frame{Kind: agentpb.Kind_KIND_OFFER, Place: placeOf(place)})
	p.until(agentpb.Kind_KIND_INVITE)
	ring, place, ok := sender.OpenRing(stalled)
	require.True(t, ok)
	p.send(&agentpb.Frame{Kind: agentpb.Kind_KIND_RING, Place: placeOf(place)})
	p.until(agentpb.Kind_KIND_READY)
	p.send(&agentpb.Frame{Kind: agentpb.Kind_KIND_SWITCH})
	return ring
}
