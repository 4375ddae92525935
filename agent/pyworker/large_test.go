package pyworker_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
)

func TestLargeValues(t *testing.T) {
	for name, limits := range map[string]agent.Limits{"shared memory": {}, "connection": {Shared: -1}} {
		t.Run(name, func(t *testing.T) {
			workers := group(t, 2, func(_ int, c *pyworker.Config) { c.Limits = limits })
			for _, function := range []string{
				"values", "parts", "what_is_kept_stays", "what_is_kept_of_a_reply_stays", "replies_are_read_by_their_callers",
			} {
				for _, to := range []string{"w1", "w0"} {
					err := inside(t, workers[0], "large", function, to)
					assert.NoError(t, err, "%s %s: %+v", function, to, err)
				}
			}
			if name != "connection" {
				assert.NotZero(t, workers[0].Agent().Stats().Shared)
			}
		})
	}
}

// TestLargeValuesThatFail: there is memory for few bodies, and all of it is given back.
func TestLargeValuesThatFail(t *testing.T) {
	workers := group(t, 2, func(_ int, c *pyworker.Config) { c.Limits.Shared = 2 << 20 })
	require.NoError(t, inside(t, workers[0], "large", "echoes", "w1")) // so that the memory is agreed on
	require.NoError(t, inside(t, workers[0], "large", "what_fails", "w1"))
	asked, answered := workers[0].Agent().Stats().Shared, workers[1].Agent().Stats().Shared
	require.NoError(t, inside(t, workers[0], "large", "echoes", "w1"))
	assert.Equal(t, asked+4, workers[0].Agent().Stats().Shared)
	assert.Equal(t, answered+4, workers[1].Agent().Stats().Shared)
}
