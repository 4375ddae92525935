package batch_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/gatetest"
)

var errThreads = errors.New("no thread")

// oneThread lets one holder have a thread.
func oneThread(n int) error {
	if n > 1 {
		return errThreads
	}
	return nil
}

// TestJobIsRefusedWhereThereIsNoThread: every holder that has a thread waits outside, maybe for the job.
func TestJobIsRefusedWhereThereIsNoThread(t *testing.T) {
	g := opened(t, gate.Options{Base: 8, Threads: oneThread})
	out := gatetest.Enter(t, g.Gate, "out")
	out.Suspend()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	assert.ErrorIs(t, g.Do(ctx, "a newcomer's job", nil), errThreads)
	out.Resume()
	out.Leave()
}

// TestQueuedJobIsRefusedWhereThereIsNoThreadAnyMore: the holder is suspended once the job has come to wait.
func TestQueuedJobIsRefusedWhereThereIsNoThreadAnyMore(t *testing.T) {
	gatetest.Bubble(t, func(t *testing.T) {
		g := opened(t, gate.Options{Base: 8, Threads: oneThread})
		p := gatetest.Enter(t, g.Gate, "holder")
		job := make(chan error, 1)
		go func() { job <- g.Do(t.Context(), "a newcomer's job", newSlowJob()) }()
		gatetest.Pass(3 * gate.DefaultTick)
		require.Empty(t, job)
		p.Suspend()
		gatetest.Pass(3 * gate.DefaultTick)
		require.NotEmpty(t, job)
		require.ErrorIs(t, <-job, errThreads)
		p.Resume()
		p.Leave()
	})
}
