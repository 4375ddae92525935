package pyworker_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/agent/pyworker/budget"
)

// A list or a limit for a name that nobody has is said, as a limit that was meant for a misspelt worker binds nobody.
func TestUnknownNamesAreLogged(t *testing.T) {
	log := &lines{}
	limit := budget.Limits{Calls: 1}
	group(t, 2, func(rank int, c *pyworker.Config) {
		if rank == 0 {
			c.Guests = []string{"shell", "cron"}
			c.Policy = &agent.Policy{Workers: map[string][]string{"w1": {"math"}, "w2": {"math"}, "shell": {"math"}}}
			c.Budgets = map[string]budget.Limits{"w1": limit, "W1": limit, "w2": limit, "cron": limit}
			c.Logger = slog.New(slog.NewTextHandler(log, nil))
		}
	})
	said := log.take("binds nobody")
	require.Len(t, said, 2)
	assert.Contains(t, said[0], "name=W1")
	assert.Contains(t, said[1], "name=w2")
}
