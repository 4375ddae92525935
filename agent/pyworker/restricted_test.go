package pyworker_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/agent"
	"github.com/gopyrpc/gopyrpc/agent/pyworker"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// bothWays restricts what w0 may ask of the others, and what they may reply to it.
func bothWays(list ...string) func(int, *pyworker.Config) {
	return func(rank int, c *pyworker.Config) {
		c.Policy = &agent.Policy{Workers: map[string][]string{}}
		for _, other := range []string{"w0", "w1", "w2", "w3"} {
			if other != c.Name && (other == "w0" || rank == 0) {
				c.Policy.Workers[other] = list
			}
		}
	}
}

// unlisted are cases that need more than a list lets in, or that look at memory that a list has copied.
var unlisted = map[string]bool{
	"test_large_bytes": true, "test_what_cannot_travel": true, "test_fork_of_failed_call_is_taken_back": true,
	"test_rref_proxy": true, "test_rref_special_methods": true, "test_case_090_partial": true,
	"test_wait_with_an_end": true, // which is about time, and the same under a list
}

// TestRestrictedCases: what works between workers works under lists that have it, both ways.
func TestRestrictedCases(t *testing.T) {
	workers := group(t, 4, bothWays("cases", "futures", "numbered", "math", "functools:partial", "gopyrpc:get_worker_info",
		"gopyrpc:RRef.is_owner", "gopyrpc:RRef.owner_name"))
	for _, module := range []string{"cases", "futures", "numbered"} {
		for _, name := range casesOf(t, module) {
			if unlisted[name] {
				continue
			}
			t.Run(name, func(t *testing.T) {
				err := inside(t, workers[0], module, name)
				assert.NoError(t, err, "%+v", err)
			})
		}
	}
}

// What a worker refuses is told one that restricts its replies.
func TestRestrictedRefusals(t *testing.T) {
	workers := group(t, 2, bothWays("math"))
	err := inside(t, workers[0], "refusals", "check_cause")
	assert.NoError(t, err, "%+v", err)
}

func TestRestrictedLargeValues(t *testing.T) {
	for name, limits := range map[string]agent.Limits{"shared memory": {}, "connection": {Shared: -1}} {
		t.Run(name, func(t *testing.T) {
			workers := group(t, 2, bothWays("large"), func(_ int, c *pyworker.Config) { c.Limits = limits })
			for _, function := range []string{"values", "parts", "replies_are_read_by_their_callers"} {
				err := inside(t, workers[0], "large", function, "w1")
				assert.NoError(t, err, "%s: %+v", function, err)
			}
		})
	}
}

func TestRestrictedTensors(t *testing.T) {
	if err := pythontest.Runtime().Preload(t.Context(), "torch"); err != nil {
		t.Skip("no torch: ", err)
	}
	const class = "torch._C:_VariableFunctionsClass" // of torch's functions
	const functions = class + "."
	workers := group(t, 2, bothWays("cases", "tensors", class, functions+"add", functions+"ones", functions+"neg", functions+"clone"))
	for _, name := range casesOf(t, "tensors") {
		t.Run(name, func(t *testing.T) {
			err := inside(t, workers[0], "tensors", name)
			assert.NoError(t, err, "%+v", err)
		})
	}
}
