package pyworker_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/agent/pyworker"
)

// TestFailuresArePrintedWhereTheyHappen, if the worker is asked for that.
func TestFailuresArePrintedWhereTheyHappen(t *testing.T) {
	workers := group(t, 2, func(rank int, c *pyworker.Config) { c.PrintFailures = rank == 1 })
	err := inside(t, workers[0], "printed", "check")
	require.NoError(t, err, "%+v", err)
}
