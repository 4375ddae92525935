package pyworker_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pyrpc/pyrpc/agent"
	"github.com/pyrpc/pyrpc/agent/pyworker"
)

func TestLargeValues(t *testing.T) {
	for name, limits := range map[string]agent.Limits{"shared memory": {}, "connection": {Shared: -1}} {
		t.Run(name, func(t *testing.T) {
			workers := group(t, 2, func(_ int, c *pyworker.Config) { c.Limits = limits })
			for _, function := range []string{"values", "what_is_kept_stays"} {
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
