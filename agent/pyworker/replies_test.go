package pyworker_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
)

// An entry with a worker's name is for its replies, too, whatever way they come.
func TestRepliesOfNamed(t *testing.T) {
	workers := group(t, 2, func(rank int, c *pyworker.Config) {
		if rank == 0 {
			c.Policy = &agent.Policy{Workers: map[string][]string{"w1": {"value:replies:Own", "replies:Failure"}}}
		}
	})
	err := inside(t, workers[0], "replies", "check_named")
	require.NoError(t, err, "%+v", err)
}

// TestRepliesAreReadForTheirCaller: two workers share a process, and a thread that serves neither reads what was replied to
// each. Of the two workers, the process's own is the one that came last.
func TestRepliesAreReadForTheirCaller(t *testing.T) {
	workers := group(t, 2)
	for i, to := range []string{"w1", "w0"} {
		err := inside(t, workers[i], "replies", "check_other_threads", to)
		require.NoError(t, err, "%+v", err)
	}
}

// An entry for everybody is not for replies, but for those of a worker that is being served.
func TestRepliesOfServed(t *testing.T) {
	workers := group(t, 3, func(rank int, c *pyworker.Config) {
		if rank == 0 {
			c.Policy = &agent.Policy{Default: []string{"replies:call_back"}, Workers: map[string][]string{"w2": nil}}
		}
	})
	err := inside(t, workers[1], "replies", "check_bound")
	require.NoError(t, err, "%+v", err)
	err = inside(t, workers[0], "replies", "check_free")
	require.NoError(t, err, "%+v", err)
}
