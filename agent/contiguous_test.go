package agent_test

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
)

// TestContiguous sends bodies in parts, which must come as one segment on every way that they can take.
func TestContiguous(t *testing.T) {
	parts := agent.ExecutorFunc(func(_ context.Context, req agent.Request) (agent.Reply, error) {
		if len(req.Body.Segments()) != 1 {
			return agent.Reply{}, fmt.Errorf("%d segments came", len(req.Body.Segments()))
		}
		all := req.Body.Bytes()
		return agent.Reply{Body: agent.Bytes(all[:1], nil, all[1:]), Contiguous: true}, nil
	})
	for name, limits := range map[string]agent.Limits{"shared": {}, "sent": {Shared: -1}} {
		for _, to := range []string{"w0", "w1"} {
			t.Run(name+" "+to, func(t *testing.T) {
				a := start(t, agent.Config{Name: "w0", Executor: parts, Limits: limits}, agent.Config{Name: "w1", Executor: parts, Limits: limits})[0]
				for _, size := range []int{2, 1000, 200_000} {
					for _, copyNow := range []bool{false, true} {
						sent := bytes.Repeat([]byte("ab"), size/2)
						reply, err := a.Call(testContext(t), to, agent.Request{
							Body: agent.Bytes(sent[:size/3], sent[size/3:]), Contiguous: true, CopyNow: copyNow,
						})
						require.NoError(t, err)
						require.Len(t, reply.Body.Segments(), 1)
						assert.True(t, bytes.Equal(sent, reply.Body.Bytes()), "%d bytes", size)
					}
				}
			})
		}
	}
}

func TestContiguousRemote(t *testing.T) {
	k := &keeper{live: &atomic.Int64{}}
	for _, to := range []string{"w0", "w1"} {
		a := start(t, agent.Config{Name: "w0", Executor: k}, agent.Config{Name: "w1", Executor: k})[0]
		r, err := a.Remote(testContext(t), to, agent.Request{Body: agent.Bytes([]byte("in "), []byte("parts")), Contiguous: true}, nil)
		require.NoError(t, err)
		hereIs(t, r, "in parts")
		r.Release()
	}
}
