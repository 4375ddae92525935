package agent_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
	"github.com/gopyrpc/gopyrpc/agent/internal/transport/faulty"
	agentpb "github.com/gopyrpc/gopyrpc/agent/proto"
)

// faultyPair makes w0, which calls, and w1, whose frames of a kind have a fate as long as faults are on. They are
// connected, by rings where they share memory.
type faultyPair struct {
	caller, called *agent.Agent
	on             atomic.Bool
	executed       atomic.Int64 // requests with a body
	met            atomic.Int64 // frames that met their fate
}

// newFaultyPair makes such a pair. What the executor returns is the reply's body.
func newFaultyPair(t *testing.T, kind agentpb.Kind, fate faulty.Fate, serve func(context.Context)) *faultyPair {
	t.Helper()
	p := &faultyPair{}
	serveBody := agent.ExecutorFunc(func(ctx context.Context, r agent.Request) (agent.Reply, error) {
		if r.Body.Size() > 0 {
			p.executed.Add(1)
			serve(ctx)
		}
		return agent.Reply{Body: r.Body}, nil
	})
	wrap := faulty.Writer(func(f *transport.OutFrame) faulty.Fate {
		if f.Kind == kind && p.on.Load() {
			p.met.Add(1)
			return fate
		}
		return faulty.Fate{Times: 1}
	})
	agents := start(t, agent.Config{Name: "w0", WrapWriter: wrap}, agent.Config{Name: "w1", Executor: serveBody, WrapWriter: wrap})
	p.caller, p.called = agents[0], agents[1]
	if strings.HasSuffix(t.Name(), streamOnly) {
		_, err := p.caller.Call(testContext(t), "w1", agent.Request{})
		require.NoError(t, err)
	} else {
		ringed(t, p.caller, p.called)
	}
	return p
}

// doNothing does nothing.
func doNothing(context.Context) {}

// call makes a call with a body that has the time, while faults are on.
func (p *faultyPair) call(t *testing.T, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	p.on.Store(true)
	_, err := p.caller.Call(ctx, "w1", agent.Request{Body: agent.Bytes([]byte("x"))})
	return err
}

// inOrder sees that calls work, and that nothing is held for any that has ended.
func (p *faultyPair) inOrder(t *testing.T) {
	t.Helper()
	p.on.Store(false)
	assert.NotZero(t, p.met.Load(), "no frame had a fault")
	require.Eventually(t, func() bool { // a connection that has ended may be found out by a call
		_, err := p.caller.Call(testContext(t), "w1", agent.Request{})
		return err == nil
	}, patience, time.Millisecond)
	require.Eventually(t, func() bool {
		a, b := p.caller.Stats(), p.called.Stats()
		return a.InFlight+b.InFlight == 0 && a.IncomingBytes+b.IncomingBytes+a.QueuedBytes+b.QueuedBytes == 0
	}, patience, time.Millisecond)
}

// shortly is the time of a call that is not answered.
const shortly = 500 * time.Millisecond

// TestFaults_lostReply: the call ends with its deadline, and may have run.
func TestFaults_lostReply(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		p := newFaultyPair(t, agentpb.Kind_KIND_REPLY, faulty.Fate{}, doNothing)
		var e *agent.Error
		err := p.call(t, shortly)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorAs(t, err, &e)
		assert.True(t, e.Ran)
		p.inOrder(t)
		assert.LessOrEqual(t, p.executed.Load(), int64(1), "a busy machine may not have come to it in time")
	})
}

// TestFaults_lostRequest: the call ends with its deadline. The caller cannot know that it was not executed.
func TestFaults_lostRequest(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		p := newFaultyPair(t, agentpb.Kind_KIND_REQUEST, faulty.Fate{}, doNothing)
		var e *agent.Error
		err := p.call(t, shortly)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorAs(t, err, &e)
		assert.True(t, e.Ran)
		p.inOrder(t)
		assert.Zero(t, p.executed.Load())
	})
}

// TestFaults_lostRemote: each use of the RRef ends with an error that says, in torch's words, that it may have no value.
func TestFaults_lostRemote(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		for said, fate := range map[string]faulty.Fate{
			"RRef creation via rpc.remote() timed out, and it is possible that the RRef on the owner node does not exist: " +
				"RPC ran for more than set timeout (500 ms)": {},
			"RRef creation via rpc.remote() failed: the connection ended: the cable is cut": {Err: errors.New("the cable is cut")},
		} {
			wrap := faulty.Writer(func(f *transport.OutFrame) faulty.Fate {
				if f.Method == agentpb.Method_METHOD_REMOTE {
					return fate
				}
				return faulty.Fate{Times: 1}
			})
			agents := start(t, agent.Config{Name: "w0", WrapWriter: wrap}, agent.Config{Name: "w1"})
			ctx, cancel := context.WithTimeout(t.Context(), shortly)
			defer cancel()
			r, err := agents[0].Remote(ctx, "w1", agent.Request{Body: agent.Bytes([]byte("x"))}, nil)
			require.NoError(t, err)
			_, err = r.ToHere(testContext(t))
			assert.ErrorContains(t, err, said)
			_, err = r.Fork(testContext(t), "w1")
			assert.ErrorContains(t, err, said)
			r.Release()
			for _, err := range joinAll(testContext(t), agents) {
				assert.NoError(t, err)
			}
		}
	})
}

// TestFaults_doubledRequest is executed once. That its number comes again ends the stream, and the next call has another.
func TestFaults_doubledRequest(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		p := newFaultyPair(t, agentpb.Kind_KIND_REQUEST, faulty.Fate{Times: 2}, doNothing)
		if err := p.call(t, patience); err != nil { // the end of the stream may come before the reply
			var e *agent.Error
			require.ErrorAs(t, err, &e)
			assert.True(t, e.Ran)
			assert.ErrorContains(t, err, "protocol violation: request")
		}
		require.Eventually(t, func() bool { return p.caller.LostConnection("w1") != nil }, patience, time.Millisecond)
		p.inOrder(t)
		assert.EqualValues(t, 1, p.executed.Load())
	})
}

// TestFaults_doubledReply: the second one is to a call that has ended, and changes nothing.
func TestFaults_doubledReply(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		p := newFaultyPair(t, agentpb.Kind_KIND_REPLY, faulty.Fate{Times: 2}, doNothing)
		for range 20 {
			require.NoError(t, p.call(t, patience))
		}
		p.inOrder(t)
		assert.EqualValues(t, 20, p.executed.Load())
		assert.NoError(t, p.caller.LostConnection("w1"), "it is the same connection")
	})
}

// TestFaults_lateCancel comes when the execution has ended, and later calls have been made. It changes nothing.
func TestFaults_lateCancel(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		late, entered, leave := make(chan struct{}), make(chan struct{}), make(chan struct{})
		var canceled atomic.Bool
		p := newFaultyPair(t, agentpb.Kind_KIND_CANCEL, faulty.Fate{Times: 1, After: late}, func(ctx context.Context) {
			close(entered)
			<-leave
			canceled.Store(ctx.Err() != nil)
		})
		p.on.Store(true)
		f := p.caller.CallAsync(testContext(t), "w1", agent.Request{Body: agent.Bytes([]byte("x"))})
		<-entered
		f.Cancel()
		_, err := f.Wait(testContext(t))
		require.ErrorIs(t, err, context.Canceled)
		for range 20 {
			_, err := p.caller.Call(testContext(t), "w1", agent.Request{})
			require.NoError(t, err)
		}
		close(leave)
		p.inOrder(t)
		close(late)
		p.inOrder(t)
		assert.False(t, canceled.Load(), "the peer did not know")
		assert.NoError(t, p.caller.LostConnection("w1"), "it is the same connection")
	})
}
