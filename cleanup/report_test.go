package cleanup_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/cleanup"
)

func TestReport_fromSteps(t *testing.T) {
	r := cleanup.New()
	var late context.Context
	register(t, r, cleanup.PhaseHandler, "handler", func(ctx context.Context) error {
		late = ctx
		assert.True(t, cleanup.ReportReleased(ctx, "runUDF", 2))
		assert.True(t, cleanup.ReportReleased(ctx, "runUDF", 1))
		return nil
	})
	register(t, r, cleanup.PhaseVerify, "verify", func(ctx context.Context) error {
		soFar, ok := cleanup.SoFar(ctx)
		assert.True(t, ok)
		assert.Len(t, soFar.Steps, 1)
		assert.True(t, cleanup.ReportLeak(ctx, cleanup.Leak{Name: "rref 7", Count: 1, Stack: "main.f\n\tmain.go:1"}))
		return nil
	})

	report, err := r.Run(t.Context())

	assert.ErrorIs(t, err, cleanup.ErrLeaked)
	assert.ErrorContains(t, err, "1 × rref 7")
	assert.Equal(t, []cleanup.Release{{Name: "runUDF", Count: 3}}, report.Released)
	require.Len(t, report.Leaked, 1)
	assert.Contains(t, report.String(), "leaked: 1 × rref 7\n    main.f\n    \tmain.go:1\n")
	assert.False(t, cleanup.ReportLeak(late, cleanup.Leak{Name: "too late", Count: 1}), "the report is sealed")
}

func TestReport_outsideAStep(t *testing.T) {
	assert.False(t, cleanup.ReportLeak(t.Context(), cleanup.Leak{Name: "x", Count: 1}))
	assert.False(t, cleanup.ReportReleased(t.Context(), "x", 1))
	_, ok := cleanup.SoFar(t.Context())
	assert.False(t, ok)
}

func sample() cleanup.Report {
	return cleanup.Report{
		Steps: []cleanup.StepResult{
			{Phase: cleanup.PhaseAgent, Name: "drain", Outcome: cleanup.OutcomeReleased, Duration: 1500 * time.Millisecond},
			{
				Phase: cleanup.PhaseHandler, Name: "udf cache", Outcome: cleanup.OutcomePanicked,
				Err: errors.New("panic: boom\nstack"), Duration: 20 * time.Microsecond,
			},
		},
		Released: []cleanup.Release{{Name: "runUDF", Count: 1}},
		Late:     []string{"flush: logging"},
	}
}

func TestReport_String(t *testing.T) {
	assert.Equal(t, `PHASE    STEP       OUTCOME   TOOK  
agent    drain      released  1.5s  
handler  udf cache  panicked  20µs  panic: boom
late: flush: logging (left running; it ends in its own time)
released: 1 × runUDF
`, sample().String())
}

func TestReport_JSON(t *testing.T) {
	text, err := json.Marshal(sample())
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"steps": [
			{"phase": "agent", "name": "drain", "outcome": "released", "seconds": 1.5},
			{"phase": "handler", "name": "udf cache", "outcome": "panicked", "error": "panic: boom\nstack", "seconds": 0.00002}
		],
		"released": [{"name": "runUDF", "count": 1}],
		"late": ["flush: logging"]
	}`, string(text))
}
