package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyrpc/pyrpc/internal/pytest"
)

// report is what reads the JSON: the keys that others may count on.
type doctorReport struct {
	Executable, Library, Source, Version string
	Python                               map[string]any
	Others                               []string `json:"other_interpreters"`
	Refused                              []string `json:"refused_interpreters"`
	Problems                             []struct{ What, Remedy string }
}

func TestDoctor(t *testing.T) {
	got := pyrpc(t, "", "doctor")
	for _, text := range []string{"interpreter ", python(t).Executable, "library ", python(t).Library, "version ", "built with "} {
		assert.Contains(t, got.stdout, text)
	}
	if got.status == 0 { // this machine's Python may have problems, which are then named
		assert.Contains(t, got.stdout, "no problems found\n")
	} else {
		assert.Contains(t, got.stdout, "PROBLEM")
		assert.Contains(t, got.stderr, "problems found")
	}
}

func TestDoctorJSON(t *testing.T) {
	var r doctorReport
	got := pyrpc(t, "", "doctor", "--json")
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &r), got.stdout)
	assert.Equal(t, python(t).Executable, r.Executable)
	assert.Equal(t, python(t).Library, r.Library)
	assert.NotEmpty(t, r.Python)
	assert.Equal(t, len(r.Problems) == 0, got.status == 0)
}

// TestDoctorWithoutPython: what was asked for is not there, and what there is instead.
func TestDoctorWithoutPython(t *testing.T) {
	found := python(t)
	cmd := command(t, "doctor")
	cmd.Env = append(cmd.Environ(), "PYRPC_PYTHON=/not/there", "PYRPC_TEST_PYTHONS="+found.Executable)
	got := finish(t, cmd)
	got.failed(t, 1, "there is no python interpreter at /not/there (named by PYRPC_PYTHON)", "usable instead, with --python:\n  python 3.")

	cmd = command(t, "doctor", "--json")
	cmd.Env = append(cmd.Environ(), "PYRPC_PYTHON=/not/there", "PYRPC_TEST_PYTHONS="+found.Executable)
	got = finish(t, cmd)
	assert.Equal(t, 1, got.status)
	var r doctorReport
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &r), got.stdout)
	require.Len(t, r.Problems, 1)
	assert.Contains(t, r.Problems[0].What, "/not/there")
	assert.NotEmpty(t, r.Others)
}

// TestNoPython is what every other command says.
func TestNoPython(t *testing.T) {
	for _, args := range [][]string{{"call", "self", "math:hypot", "3", "4"}, {"--python", "/not/there", "call", "self", "math:pi"}} {
		cmd := command(t, args...)
		cmd.Env = append(cmd.Environ(), "PYRPC_PYTHON=/not/there")
		finish(t, cmd).failed(t, 1, "no python to start: there is no python interpreter at /not/there (named by ", "name one that exists")
	}
}

// TestDoctorSaysHowMuchStackThereIs: what was granted, where that is less than the limit of recursion counts on, and
// in JSON.
func TestDoctorSaysHowMuchStackThereIs(t *testing.T) {
	got := pyrpc(t, "", "doctor")
	assert.Regexp(t, `(?m)^stack +first thread \d+\.\d MiB, others \d+\.\d MiB$`, got.stdout)
	assert.NotContains(t, got.stdout, "little stack")

	cmd := command(t, "doctor")
	cmd.Env = append(cmd.Environ(), pytest.StackEnds(t, 3<<20, false)...)
	got = finish(t, cmd)
	assert.Equal(t, 1, got.status)
	assert.Regexp(t, `PROBLEM +threads have little stack \(first thread 3\.\d MiB, .*only about 5\d\d deep: start the program with`, got.stdout)
}
