//go:build linux

package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent/internal/transport"
)

// isLent says whether a body lies in memory that its peer shares.
func isLent(m transport.Memory) bool { return fmt.Sprintf("%T", m) == "transport.loan" }

// borrower answers with what it got, the first byte changed; a body that begins with an f makes it fail.
func borrower(t *testing.T, lent *atomic.Int64) ExecutorFunc {
	return func(_ context.Context, req Request) (Reply, error) {
		defer req.Free()
		if len(req.Body) == 0 {
			return Reply{}, nil
		}
		if isLent(req.memory) {
			lent.Add(1)
		}
		if req.Body[0][0] == 'f' {
			return Reply{}, errors.New("failed")
		}
		assert.Len(t, req.Body, 2)
		return Reply{Body: Body{[]byte("R"), bytes.Join(req.Body, nil)[1:]}}, nil
	}
}

// TestLend has so little memory shared that a place that is not given back is missed soon.
func TestLend(t *testing.T) {
	const size, rounds = 1 << 20, 30
	var lent atomic.Int64
	limits := Limits{Shared: 4 << 20}
	agents := start(t, Config{Name: "w0", Limits: limits}, Config{Name: "w1", Limits: limits, ZeroCopy: true, Executor: borrower(t, &lent)})
	a, b := agents[0], agents[1]
	ringed(t, a, b)
	sent := bytes.Repeat([]byte("s"), size)
	for i := range rounds {
		req := Request{Body: Body{sent[:1], sent[1:]}, ZeroCopy: true}
		if i%3 == 0 {
			req.Body[0] = []byte("f")
		}
		reply, err := a.Call(testContext(t), "w1", req)
		if i%3 == 0 {
			require.ErrorContains(t, err, "failed")
			continue
		}
		require.NoError(t, err)
		require.True(t, isLent(reply.memory))
		assert.Equal(t, "R", string(reply.Body[0]))
		assert.True(t, bytes.Equal(sent[1:], reply.Body[1]))
		reply.Free()
	}
	assert.EqualValues(t, rounds, lent.Load())
	assert.EqualValues(t, rounds, a.Stats().Shared)
	assert.EqualValues(t, rounds-rounds/3, b.Stats().Shared)
}
