//go:build linux

package agent_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
)

// borrower answers with what it got, the first byte changed; a body that begins with an f makes it fail.
func borrower(t *testing.T, lent *atomic.Int64) agent.ExecutorFunc {
	return func(_ context.Context, req agent.Request) (agent.Reply, error) {
		defer req.Free()
		if req.Body.Size() == 0 {
			return agent.Reply{}, nil
		}
		if req.IsLent() {
			lent.Add(1)
		}
		if req.Body.Segments()[0][0] == 'f' {
			return agent.Reply{}, errors.New("failed")
		}
		assert.Len(t, req.Body.Segments(), 2)
		return agent.Reply{Body: agent.Bytes([]byte("R"), req.Body.Bytes()[1:])}, nil
	}
}

// TestLend has so little memory shared that a place that is not given back is missed soon.
func TestLend(t *testing.T) {
	const size, rounds = 1 << 20, 30
	var lent atomic.Int64
	limits := agent.Limits{Shared: 4 << 20}
	agents := start(t, agent.Config{Name: "w0", Limits: limits}, agent.Config{Name: "w1", Limits: limits, ZeroCopy: true, Executor: borrower(t, &lent)})
	a, b := agents[0], agents[1]
	ringed(t, a, b)
	sent := bytes.Repeat([]byte("s"), size)
	for i := range rounds {
		first := sent[:1]
		if i%3 == 0 {
			first = []byte("f")
		}
		reply, err := a.Call(testContext(t), "w1", agent.Request{Body: agent.Bytes(first, sent[1:]), ZeroCopy: true})
		if i%3 == 0 {
			require.ErrorContains(t, err, "failed")
			continue
		}
		require.NoError(t, err)
		require.True(t, reply.IsLent())
		assert.Equal(t, "R", string(reply.Body.Segments()[0]))
		assert.True(t, bytes.Equal(sent[1:], reply.Body.Segments()[1]))
		reply.Free()
	}
	assert.EqualValues(t, rounds, lent.Load())
	assert.EqualValues(t, rounds, a.Stats().Shared)
	assert.EqualValues(t, rounds-rounds/3, b.Stats().Shared)
}
