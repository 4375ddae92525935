package agent_test

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gopyrpc/gopyrpc/agent"
)

// exits is an executor that ends its goroutine, as testing.T.FailNow does, unless it is asked for nothing.
type exits struct{}

func (exits) Execute(_ context.Context, req agent.Request) (agent.Reply, error) {
	if req.Body.Size() > 0 {
		runtime.Goexit()
	}
	return agent.Reply{}, nil
}

func (exits) ExecuteRemote(context.Context, agent.Request) (agent.Value, error) {
	runtime.Goexit()
	return nil, nil
}

// TestExecutor_endsItsGoroutine: the caller is told, the next calls are served, and nothing keeps the workers from leaving.
func TestExecutor_endsItsGoroutine(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		agents := start(t, agent.Config{Name: "w0"}, agent.Config{Name: "w1", Executor: exits{}})
		ctx := testContext(t)
		if !strings.HasSuffix(t.Name(), streamOnly) {
			ringed(t, agents[0], agents[1])
		}
		for _, caller := range agents {
			for range 20 {
				_, err := caller.Call(ctx, "w1", agent.Request{Body: agent.Bytes([]byte("x"))})
				assert.Equal(t, codes.Internal, status.Code(err), "%v", err)
				assert.ErrorContains(t, err, "ended its goroutine with runtime.Goexit")
				_, err = caller.Call(ctx, "w1", agent.Request{})
				require.NoError(t, err)
			}
			r, err := caller.Remote(ctx, "w1", agent.Request{Body: agent.Bytes([]byte("x"))}, nil)
			require.NoError(t, err)
			_, err = r.ToHere(ctx)
			assert.ErrorContains(t, err, "ended its goroutine with runtime.Goexit")
			r.Release()
		}
		for i, err := range joinAll(ctx, agents) {
			assert.NoError(t, err, "w%d", i)
		}
	})
}
