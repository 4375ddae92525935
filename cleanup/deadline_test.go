//go:build go1.25

package cleanup_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/cleanup"
)

// These tests run on synctest's clock, so the durations in them are exact.

const (
	deadline = 10 * time.Second
	grace    = time.Second
)

// heeds is a step that works until its context ends.
func heeds(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestDeadline_lateStepIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r, j := cleanup.New(cleanup.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))), &journal{}
		finish := make(chan struct{})
		stuckCtx := make(chan context.Context, 1)
		register(t, r, cleanup.PhaseFlush, "after", j.step("after"))
		register(t, r, cleanup.PhaseHandler, "stuck", func(ctx context.Context) error {
			stuckCtx <- ctx
			<-finish
			return nil
		})

		report, err := r.Run(t.Context())

		assert.ErrorIs(t, err, cleanup.ErrLate)
		assert.ErrorContains(t, err, "cleanup: handler: stuck: still running past its deadline")
		assert.Equal(t, []string{"handler: stuck"}, report.Late)
		assert.Equal(t, []string{"after"}, j.names)
		assert.Equal(t, cleanup.OutcomeLate, report.Steps[0].Outcome)
		assert.Equal(t, deadline+grace, report.Steps[0].Duration)
		assert.ErrorIs(t, (<-stuckCtx).Err(), context.DeadlineExceeded)
		close(finish)
		synctest.Wait()
		assert.Contains(t, log.String(), "a late step ended after all")
	})
}

func TestDeadline_stepThatHeedsItHasFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := cleanup.New(cleanup.WithStepDeadline(3 * time.Second))
		register(t, r, cleanup.PhaseAgent, "drain", heeds)

		report, err := r.Run(t.Context())

		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Empty(t, report.Late)
		assert.Equal(t, cleanup.OutcomeFailed, report.Steps[0].Outcome)
		assert.Equal(t, 3*time.Second, report.Steps[0].Duration)
	})
}

func TestDeadline_cancelledRunGivesEachStepTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, j := cleanup.New(), &journal{}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		register(t, r, cleanup.PhaseAgent, "long", heeds)
		register(t, r, cleanup.PhaseHandler, "short", func(ctx context.Context) error {
			assert.NoError(t, ctx.Err(), "a step starts with a live context")
			j.note("short")
			return nil
		})

		report, err := r.Run(ctx)

		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, []string{"short"}, j.names)
		assert.Equal(t, grace, report.Steps[0].Duration)
	})
}

func TestDeadline_contextEndsARunningStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := cleanup.New(cleanup.WithGrace(grace))
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		register(t, r, cleanup.PhaseAgent, "long", heeds)

		report, err := r.Run(ctx)

		require.Error(t, err)
		assert.Equal(t, 4*time.Second, report.Steps[0].Duration, "past its grace a step ends with the caller's context")
	})
}

func TestDeadline_graceIsNeverLongerThanTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := cleanup.New(cleanup.WithStepDeadline(grace/2), cleanup.WithGrace(time.Hour))
		finish := make(chan struct{})
		defer close(finish)
		register(t, r, cleanup.PhaseAgent, "stuck", func(context.Context) error {
			<-finish
			return nil
		})

		report, _ := r.Run(t.Context())

		assert.Equal(t, grace, report.Steps[0].Duration)
	})
}

func TestDeadline_runFromInsideWithAForeignContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := cleanup.New()
		register(t, r, cleanup.PhaseAgent, "waits for itself", func(context.Context) error {
			_, err := r.Run(context.Background())
			return err
		})

		report, err := r.Run(t.Context())

		assert.ErrorIs(t, err, cleanup.ErrLate, "no deadlock")
		assert.Equal(t, []string{"agent: waits for itself"}, report.Late)
	})
}
