package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/buildtest"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

// binary is the real command, built once, and gopyrpc what it measures.
var binary, gopyrpc string

func TestMain(m *testing.M) {
	buildtest.MainWithPackage(m, func(dir string) { binary, gopyrpc = filepath.Join(dir, "benchmark"), filepath.Join(dir, "gopyrpc") }, ".", "../cmd/gopyrpc")
}

// ended is what a run of the benchmark left.
type ended struct {
	stdout, stderr string
	err            error
}

func benchmark(t *testing.T, args ...string) ended {
	t.Helper()
	interpreters.Find(t)
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), binary, append(args, "--gopyrpc", gopyrpc)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	return ended{stdout.String(), stderr.String(), err}
}

// ok checks that a run succeeded in silence, and gives its output.
func (e ended) ok(t *testing.T) string {
	t.Helper()
	require.NoError(t, e.err, e.stderr)
	assert.Empty(t, e.stderr)
	return e.stdout
}

// TestNobodyElseLinksIt: what users import, and the command, have nothing of what is for measuring only.
func TestNobodyElseLinksIt(t *testing.T) {
	const floor = "github.com/gopyrpc/gopyrpc/internal/cpython/floor"
	deps := func(packages ...string) []string {
		out, err := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps"}, packages...)...).Output()
		require.NoError(t, err)
		return strings.Fields(string(out))
	}
	assert.Contains(t, deps("."), floor)
	assert.NotContains(t, deps("../cmd/gopyrpc", "../agent/pyworker", "../handler", "../pybridge", "../gil"), floor)
}

func TestJSON(t *testing.T) {
	var r Result
	out := benchmark(t, "--only", "udf_vs_c_floor,attach_ns", "--rounds", "1", "--json").ok(t)
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	for _, key := range []string{"os", "arch", "cpu", "cpus", "go", "python", "rounds"} {
		assert.NotEmpty(t, r.Machine[key], key)
	}
	require.Len(t, r.Figures, 2)
	for key, unit := range map[string]string{"udf_vs_c_floor": "ratio", "attach_ns": "ns"} {
		f := r.Figures[key]
		assert.Equal(t, unit, f.Unit)
		assert.Positive(t, f.Median)
		assert.LessOrEqual(t, f.Min, f.Median)
		assert.LessOrEqual(t, f.Median, f.Max)
	}
	assert.Empty(t, r.Skipped)
}

func TestPrintedTable(t *testing.T) {
	out := benchmark(t, "--only", "naive_vs_udf", "--rounds", "2").ok(t)
	assert.Regexp(t, `(?m)^FIGURE +MEDIAN +MIN +MAX +UNIT +BOUND +WHAT$`, out)
	assert.Regexp(t, `(?m)^naive_vs_udf +[\d.e+]+ +[\d.e+]+ +[\d.e+]+ +ratio +≥ 2 +`, out)
}

// TestWholeProcess is the figure that starts processes: this command, and Python.
func TestWholeProcess(t *testing.T) {
	out := benchmark(t, "--only", "start_vs_python", "--rounds", "1", "--json").ok(t)
	assert.Contains(t, out, `"start_vs_python": {`)
}

// TestTensorPipe: both pairs of processes run a round, or there is no torch and the figure says so.
func TestTensorPipe(t *testing.T) {
	var r Result
	const key = "agent_tensor_1mib_vs_tensorpipe"
	require.NoError(t, json.Unmarshal([]byte(benchmark(t, "--only", key, "--rounds", "1", "--json").ok(t)), &r))
	if reason, ok := r.Skipped[key]; ok {
		t.Skip(reason)
	}
	assert.Positive(t, r.Figures[key].Median)
}

// TestSaysWhatItMeasures: to who watches, and to nobody else.
func TestSaysWhatItMeasures(t *testing.T) {
	interpreters.Find(t)
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a device, as a terminal is
	require.NoError(t, err)
	defer func() { _ = null.Close() }()
	assert.True(t, isTerminal(null))
	assert.False(t, isTerminal(&strings.Builder{}))
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	assert.False(t, isTerminal(file))
	assert.Empty(t, benchmark(t, "--only", "attach_ns", "--rounds", "1").stderr)
}

// TestWrongUse: what cannot be measured is said before anything is started.
func TestWrongUse(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--rounds 0", "benchmark: --rounds 0: at least 1\n"},
		{"--only nope", `benchmark: no figure "nope"; there are udf_vs_c_floor, udf_vs_bare_crossing, `},
		{"growth --callers 0", "benchmark: --callers 0: 1 to 4096\n"},
		{"growth --workers 1", "benchmark: --workers 1: 2 to 64\n"},
		{"growth --rounds 0", "benchmark: --rounds 0 --calls 1000: at least 1\n"},
		{"growth --callers x", `benchmark: invalid argument "x" for "--callers" flag`},
	} {
		var stdout, stderr strings.Builder
		assert.Equal(t, 1, run(t.Context(), strings.Fields(c.args), &stdout, &stderr), c.args)
		assert.Empty(t, stdout.String())
		assert.Contains(t, stderr.String(), c.want)
	}
}
