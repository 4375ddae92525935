package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/cmd/gopyrpc/bench"
)

func TestBenchJSON(t *testing.T) {
	var r bench.Result
	out := gopyrpc(t, "", "bench", "--only", "udf_vs_c_floor,attach_ns", "--rounds", "1", "--json").ok(t)
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

func TestBenchTable(t *testing.T) {
	out := gopyrpc(t, "", "bench", "--only", "naive_vs_udf", "--rounds", "2").ok(t)
	assert.Regexp(t, `(?m)^FIGURE +MEDIAN +MIN +MAX +UNIT +BOUND +WHAT$`, out)
	assert.Regexp(t, `(?m)^naive_vs_udf +[\d.e+]+ +[\d.e+]+ +[\d.e+]+ +ratio +≥ 2 +`, out)
}

// TestBenchWholeProcess is the figure that starts processes: this command, and Python.
func TestBenchWholeProcess(t *testing.T) {
	out := gopyrpc(t, "", "bench", "--only", "start_vs_python", "--rounds", "1", "--json").ok(t)
	assert.Contains(t, out, `"start_vs_python": {`)
}

// TestBenchTensorPipe: both pairs of processes run a round, or there is no torch and the figure says so.
func TestBenchTensorPipe(t *testing.T) {
	var r bench.Result
	const key = "agent_tensor_1mib_vs_tensorpipe"
	require.NoError(t, json.Unmarshal([]byte(gopyrpc(t, "", "bench", "--only", key, "--rounds", "1", "--json").ok(t)), &r))
	if reason, ok := r.Skipped[key]; ok {
		t.Skip(reason)
	}
	assert.Positive(t, r.Figures[key].Median)
}

// TestBenchSaysWhatItMeasures: to who watches, and to nobody else.
func TestBenchSaysWhatItMeasures(t *testing.T) {
	python(t)
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a device, as a terminal is
	require.NoError(t, err)
	defer func() { _ = null.Close() }()
	assert.True(t, isTerminal(null))
	assert.False(t, isTerminal(&strings.Builder{}))
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	assert.False(t, isTerminal(file))
	assert.Empty(t, gopyrpc(t, "", "bench", "--only", "attach_ns", "--rounds", "1").stderr)
}
