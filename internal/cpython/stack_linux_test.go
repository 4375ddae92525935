package cpython_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

func init() {
	pythontest.Register("stacks", func() int {
		fmt.Println(cpython.Stacks())
		return 0
	})
}

// stacks are what a process had that was started with env.
func stacks(t *testing.T, env ...string) (first, others int) {
	t.Helper()
	stdout, stderr, code := pythontest.Script(t, "stacks", env...)
	require.Equal(t, 0, code, stderr)
	_, err := fmt.Sscan(stdout, &first, &others)
	require.NoError(t, err, stdout)
	return first, others
}

func TestStackGrowsToWhatThreadsGet(t *testing.T) {
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_STACK, &limit))
	first, others := stacks(t)
	assert.GreaterOrEqual(t, others, 15<<20)
	if limit.Max > 16<<20 {
		assert.GreaterOrEqual(t, first, 15<<20)
	}
}

// TestStackThatStopsGrowing: what is in its way is never touched, and never counted.
func TestStackThatStopsGrowing(t *testing.T) {
	for _, c := range []struct {
		below         int
		readable      bool
		least, atMost int
	}{
		{512 << 10, false, 400 << 10, 800 << 10},
		{64 << 10, false, 64 << 10, 400 << 10},
		{4 << 20, false, 3 << 20, 5 << 20},
		{4 << 20, true, 2 << 20, 4 << 20}, // the kernel keeps a gap of 1 MiB
	} {
		t.Run(fmt.Sprint(c.below, c.readable), func(t *testing.T) {
			first, others := stacks(t, pythontest.StackEnds(t, c.below, c.readable)...)
			assert.GreaterOrEqual(t, first, c.least)
			assert.LessOrEqual(t, first, c.atMost)
			assert.GreaterOrEqual(t, others, 15<<20, "not touched by it")
		})
	}
}

// TestManyArguments: they lie on the first thread's stack, and so leave less of it.
func TestManyArguments(t *testing.T) {
	without, _ := stacks(t)
	cmd := exec.Command(os.Args[0], slices.Repeat([]string{strings.Repeat("a", 100_000)}, 15)...)
	cmd.Env = append(os.Environ(), "GOPYRPC_TEST_SCRIPT=stacks")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%.200s", out)
	var first, others int
	_, err = fmt.Sscan(string(out), &first, &others)
	require.NoError(t, err, "%.200s", out)
	assert.InDelta(t, 1_500_000, without-first, 200_000)
}
