package batch_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/gate"
	"github.com/gopyrpc/gopyrpc/internal/gate/batch"
	"github.com/gopyrpc/gopyrpc/internal/gate/gatetest"
)

// slowJob runs until it is let go, or interrupted where it can be.
type slowJob struct {
	running, free chan struct{}
	patience      chan time.Time
	heeds         bool
	ended         atomic.Bool
	dropped       atomic.Int32
}

func newSlowJob() *slowJob {
	return &slowJob{running: make(chan struct{}), free: make(chan struct{}), patience: make(chan time.Time, 1)}
}

func (j *slowJob) Run(*gate.Permit) {
	close(j.running)
	<-j.free
	j.ended.Store(true)
}

func (j *slowJob) Interrupt() <-chan time.Time {
	if j.heeds {
		close(j.free)
	} else {
		j.patience <- time.Time{}
	}
	return j.patience
}

func (j *slowJob) Drop() { j.dropped.Add(1) }

// TestDoInterruptsWhatRuns waits for a job that heeds its interruption, and has its outcome.
func TestDoInterruptsWhatRuns(t *testing.T) {
	g := opened(t, gate.Options{Max: 1})
	job := newSlowJob()
	job.heeds = true
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- g.Do(ctx, "job", job) }()
	<-job.running
	cancel()
	require.NoError(t, <-done)
	assert.True(t, job.ended.Load())
	require.NoError(t, g.Drain(t.Context()))
	assert.Zero(t, job.dropped.Load())
}

// TestDoLeavesWhatDoesNotEnd gives the caller back, and keeps the permit until the job is over.
func TestDoLeavesWhatDoesNotEnd(t *testing.T) {
	g := opened(t, gate.Options{Max: 1})
	job := newSlowJob()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- g.Do(ctx, "job", job) }()
	<-job.running
	cancel()
	require.ErrorIs(t, <-done, batch.ErrLeft)
	assert.Equal(t, []string{"job"}, g.Inside())
	var drain *gate.DrainError
	require.ErrorAs(t, g.Drain(gatetest.Ended()), &drain)
	close(job.free)
	require.NoError(t, g.Drain(t.Context()))
	assert.True(t, job.ended.Load())
	assert.EqualValues(t, 1, job.dropped.Load())
}
