package pyworker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/agent/pyworker/budget"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// Each is held to the limits that it has, and what it used is counted.
func TestBudgets(t *testing.T) {
	for check, limits := range map[string]budget.Limits{
		"check_call_time":   {PerCall: time.Second},
		"check_minute_time": {PerMinute: time.Second},
		"check_results":     {Result: 1000},
		"check_calls":       {Calls: 2},
	} {
		t.Run(check, func(t *testing.T) {
			workers := group(t, 2, func(_ int, c *pyworker.Config) { c.Budgets = map[string]budget.Limits{"w0": limits} })
			err := inside(t, workers[0], "budgets", check)
			require.NoError(t, err, "%+v", err)
			used := workers[1].Stats().Peers["w0"]
			assert.Positive(t, used.Calls)
			switch check {
			case "check_call_time":
				assert.Equal(t, uint64(5), used.Interrupted)
				assert.Greater(t, used.Inside, 5*limits.PerCall)
			case "check_minute_time":
				assert.Equal(t, uint64(1), used.Interrupted)
				assert.Equal(t, uint64(2), used.Refused)
				assert.Greater(t, used.Minute, limits.PerMinute)
			case "check_results":
				assert.Equal(t, uint64(12), used.Refused)
				assert.Greater(t, used.Result, int64(900))
			case "check_calls":
				assert.Equal(t, uint64(1), used.Refused)
			}
			assert.Zero(t, used.InProgress)
			assert.NotContains(t, workers[0].Stats().Peers, "w0", "what a worker asks of itself is not counted")
		})
	}
}

// A budget for everybody is each peer's own, and what is said of one completes it.
func TestBudgetsForEverybody(t *testing.T) {
	workers := group(t, 3, func(_ int, c *pyworker.Config) {
		c.Budget = budget.Limits{PerMinute: time.Second, Result: 1000}
		c.Budgets = map[string]budget.Limits{"w2": {PerMinute: time.Hour}}
	})
	require.NoError(t, inside(t, workers[0], "budgets", "check_minute_time"))
	require.NoError(t, inside(t, workers[2], "budgets", "check_results", "w2"))
	assert.Positive(t, workers[1].Stats().Peers["w0"].Interrupted)
	assert.Zero(t, workers[1].Stats().Peers["w2"].Interrupted)
}

func TestBudgetsAreChecked(t *testing.T) {
	_, err := pyworker.New(t.Context(), pythontest.Runtime(), pyworker.Config{Config: agent.Config{Name: "w0"}, Budget: budget.Limits{Calls: -1}})
	assert.ErrorContains(t, err, "Config.Budget: Calls is -1")
	_, err = pyworker.New(t.Context(), pythontest.Runtime(), pyworker.Config{
		Config: agent.Config{Name: "w0"}, Budgets: map[string]budget.Limits{"w1": {PerCall: -1}},
	})
	assert.ErrorContains(t, err, "Config.Budgets of w1: PerCall is -1ns")
}
