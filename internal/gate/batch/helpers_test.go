package batch_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/batch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a gate and its Queue.
type site struct {
	*gate.Gate
	*batch.Queue
}

// opened gives a gate that admits.
func opened(t *testing.T, o gate.Options) *site {
	t.Helper()
	g := new(gate.Gate)
	require.NoError(t, g.Begin())
	g.Open(o)
	return &site{g, batch.New(g)}
}

// enter expects to get in.
func enter(t *testing.T, g *site, label string) *gate.Permit {
	t.Helper()
	p, err := g.Enter(context.Background(), label)
	require.NoError(t, err)
	return p
}

// ended is a context that is over.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// queued waits until n callers wait to enter.
func queued(t *testing.T, g *site, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return g.Stats().Queue == n }, time.Minute, time.Millisecond)
}
