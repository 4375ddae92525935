package cleanup_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/cleanup"
)

func TestRun_order(t *testing.T) {
	r, j := cleanup.New(), &journal{}
	for _, s := range []struct {
		phase cleanup.Phase
		name  string
	}{
		{cleanup.PhaseFinalize, "finalize"},
		{cleanup.PhaseHandler, "handler 1"},
		{cleanup.PhaseAgent, "agent"},
		{cleanup.PhaseHandler, "handler 2"},
		{cleanup.PhaseVerify, "verify"},
		{cleanup.PhaseObjects, "objects"},
		{cleanup.PhaseHandler, "handler 3"},
		{cleanup.PhaseRRefs, "rrefs"},
		{cleanup.PhaseFlush, "flush"},
	} {
		register(t, r, s.phase, s.name, j.step(s.name))
	}

	report, err := r.Run(t.Context())

	require.NoError(t, err)
	assertClean(t, report)
	assert.Equal(t, []string{
		"agent", "rrefs", "handler 3", "handler 2", "handler 1", "objects", "verify", "flush", "finalize",
	}, j.names)
}

func TestRun_empty(t *testing.T) {
	report, err := cleanup.New().Run(t.Context())
	require.NoError(t, err)
	assert.Empty(t, report.Steps)
}

func TestRun_everyStepRuns(t *testing.T) {
	r, j := cleanup.New(), &journal{}
	boom := errors.New("boom")
	register(t, r, cleanup.PhaseFlush, "last", j.step("last"))
	register(t, r, cleanup.PhaseObjects, "exits", func(context.Context) error {
		runtime.Goexit()
		return nil
	})
	register(t, r, cleanup.PhaseHandler, "panics", func(context.Context) error { panic(boom) })
	register(t, r, cleanup.PhaseHandler, "panics with text", func(context.Context) error { panic("text") })
	register(t, r, cleanup.PhaseAgent, "fails", func(context.Context) error { return boom })

	report, err := r.Run(t.Context())

	assert.Equal(t, []string{"last"}, j.names)
	assert.Equal(t, map[string]cleanup.Outcome{
		"fails":            cleanup.OutcomeFailed,
		"panics":           cleanup.OutcomePanicked,
		"panics with text": cleanup.OutcomePanicked,
		"exits":            cleanup.OutcomeExited,
		"last":             cleanup.OutcomeReleased,
	}, outcomes(report))
	assert.ErrorIs(t, err, boom)
	assert.ErrorIs(t, err, cleanup.ErrExited)
	assert.ErrorContains(t, err, "cleanup: agent: fails: boom")
	assert.ErrorContains(t, err, "cleanup: handler: panics with text: panic: text")
	var p *cleanup.PanicError
	require.ErrorAs(t, err, &p)
	assert.Contains(t, p.Stack, "TestRun_everyStepRuns", "the stack shows where it panicked")
	var s *cleanup.StepError
	require.ErrorAs(t, err, &s)
	assert.Equal(t, "fails", s.Name)
	assert.NotErrorIs(t, report.Steps[1].Err, boom, "a panic's text is no error")
	assert.ErrorIs(t, report.Steps[2].Err, boom, "a panic's error is found")
}

func TestRun_skippedIsNoFailure(t *testing.T) {
	r := cleanup.New()
	register(t, r, cleanup.PhaseFinalize, "finalize", func(context.Context) error {
		return errors.Join(errors.New("calls inside: sleep"), cleanup.ErrSkipped)
	})

	report, err := r.Run(t.Context())

	require.NoError(t, err)
	assert.Equal(t, cleanup.OutcomeSkipped, report.Steps[0].Outcome)
	assert.Contains(t, report.String(), "calls inside: sleep")
}

func TestRun_onceForAllCallers(t *testing.T) {
	r, j := cleanup.New(), &journal{}
	register(t, r, cleanup.PhaseAgent, "agent", j.step("agent"))

	first, err := r.Run(t.Context())
	require.NoError(t, err)
	first.Steps[0].Name = "changed by a caller"
	second, err := r.Run(t.Context())

	require.NoError(t, err)
	assert.Equal(t, []string{"agent"}, j.names)
	assert.Equal(t, "agent", second.Steps[0].Name)
}

func TestRun_waiterHeedsItsContext(t *testing.T) {
	r := cleanup.New()
	started, finish := make(chan struct{}), make(chan struct{})
	register(t, r, cleanup.PhaseAgent, "waits", func(context.Context) error {
		close(started)
		<-finish
		return nil
	})
	result := make(chan error)
	go func() {
		_, err := r.Run(context.Background())
		result <- err
	}()
	<-started
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)

	report, err := r.Run(ctx)

	assert.ErrorIs(t, err, gone)
	assert.Empty(t, report.Steps)
	close(finish)
	assert.NoError(t, <-result)
	report, err = r.Run(ctx)
	assert.NoError(t, err, "a finished run is told even to a caller whose context is over")
	assertClean(t, report)
}

func TestRun_fromInsideAStep(t *testing.T) {
	outer, inner := cleanup.New(), cleanup.New()
	var stepCtx context.Context
	var again, other error
	register(t, outer, cleanup.PhaseAgent, "reenters", func(ctx context.Context) error {
		stepCtx = ctx
		_, again = outer.Run(ctx)
		_, other = inner.Run(ctx)
		return nil
	})

	report, err := outer.Run(t.Context())

	require.NoError(t, err)
	assertClean(t, report)
	assert.ErrorIs(t, again, cleanup.ErrReentrant)
	assert.NoError(t, other, "another registry may be run from a step")
	_, err = outer.Run(stepCtx)
	assert.NoError(t, err, "once the run is over, the step's context is like any other")
}
