package agent_test

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
)

// TestCopyNow changes the bytes as soon as it may, on every way that they can take.
func TestCopyNow(t *testing.T) {
	var released atomic.Int64
	scribbling := agent.ExecutorFunc(func(_ context.Context, req agent.Request) (agent.Reply, error) {
		out := bytes.Clone(req.Body.Bytes())
		req.Free()
		return agent.Reply{Body: agent.Bytes(out), Release: func() {
			clear(out)
			released.Add(1)
		}}, nil
	})
	for name, limits := range map[string]agent.Limits{"shared": {}, "sent": {Shared: -1}} {
		for _, to := range []string{"w0", "w1"} {
			t.Run(name+" "+to, func(t *testing.T) {
				released.Store(0)
				a := start(t, agent.Config{Name: "w0", Executor: scribbling, Limits: limits}, agent.Config{Name: "w1", Executor: scribbling, Limits: limits})[0]
				const rounds = 8
				mine := make([]byte, 100_000)
				var futures []*agent.Future
				for i := range byte(rounds) {
					for n := range mine {
						mine[n] = i + 1
					}
					futures = append(futures, a.CallAsync(testContext(t), to, agent.Request{Body: agent.Bytes(mine), CopyNow: true}))
					clear(mine)
				}
				for i, f := range futures {
					reply, err := f.Wait(testContext(t))
					require.NoError(t, err)
					require.True(t, bytes.Equal(bytes.Repeat([]byte{byte(i + 1)}, len(mine)), reply.Body.Bytes()), i)
					reply.Free()
					reply.Free() // does nothing
				}
				require.Eventually(t, func() bool { return released.Load() == rounds }, patience, time.Millisecond)
			})
		}
	}
}

// TestCopyNowRemote has the request read long after it was made.
func TestCopyNowRemote(t *testing.T) {
	for name, limits := range map[string]agent.Limits{"shared": {}, "sent": {Shared: -1}} {
		for _, to := range []string{"w0", "w1"} {
			t.Run(name+" "+to, func(t *testing.T) {
				k := &keeper{live: &atomic.Int64{}, hold: make(chan struct{})}
				a := start(t, agent.Config{Name: "w0", Executor: k, Limits: limits}, agent.Config{Name: "w1", Executor: k, Limits: limits})[0]
				mine := make([]byte, 100_000)
				var refs []*agent.RRef
				for i := range byte(8) {
					for n := range mine {
						mine[n] = 'a' + i
					}
					r, err := a.Remote(testContext(t), to, agent.Request{Body: agent.Bytes(mine), CopyNow: true}, nil)
					require.NoError(t, err)
					refs = append(refs, r)
					clear(mine)
				}
				close(k.hold)
				for i, r := range refs {
					hereIs(t, r, strings.Repeat(string(rune('a'+i)), len(mine)))
					r.Release()
				}
			})
		}
	}
}

// TestReplyIsReleasedWhenNobodyWaits: the caller has given up.
func TestReplyIsReleasedWhenNobodyWaits(t *testing.T) {
	in, released := make(chan struct{}), make(chan struct{})
	slow := agent.ExecutorFunc(func(ctx context.Context, _ agent.Request) (agent.Reply, error) {
		close(in)
		<-ctx.Done()
		return agent.Reply{Body: agent.Bytes([]byte("late")), Release: func() { close(released) }}, nil
	})
	a := start(t, agent.Config{Name: "w0"}, agent.Config{Name: "w1", Executor: slow})[0]
	f := a.CallAsync(testContext(t), "w1", agent.Request{})
	<-in
	f.Cancel()
	<-released
}
