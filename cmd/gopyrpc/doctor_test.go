package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/pythontest"
)

// report is what reads the JSON: the keys that others may count on.
type doctorReport struct {
	Executable, Library, Source, Version string
	Python                               map[string]any
	Packages                             []struct {
		Name, Folder, Version string
		Usable                bool
	}
	Ignored []struct{ Name, Value, Instead string }
	System  struct {
		CPUs, Threads int
		ThreadLimit   string                      `json:"thread_limit"`
		OpenFiles     struct{ Soft, Hard uint64 } `json:"open_files"`
		SharedMemory  *struct {
			Folder     string
			Size, Free uint64
		} `json:"shared_memory"`
	}
	Others   []string `json:"other_interpreters"`
	Refused  []string `json:"refused_interpreters"`
	Problems []struct{ What, Remedy string }
}

// examined is the report of a doctor that is run with these flags and variables.
func examined(t *testing.T, environment []string, args ...string) doctorReport {
	t.Helper()
	cmd := command(t, append(args, "doctor", "--json")...)
	cmd.Env = append(cmd.Environ(), environment...)
	got := finish(t, cmd)
	var r doctorReport
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &r), got.stdout)
	assert.NotContains(t, got.stdout, ": null")
	assert.Equal(t, len(r.Problems) == 0, got.status == 0)
	return r
}

func TestDoctor(t *testing.T) {
	got := gopyrpc(t, "", "doctor")
	for _, text := range []string{"interpreter ", python(t).Executable, "library ", python(t).Library, "version ", "built with "} {
		assert.Contains(t, got.stdout, text)
	}
	assert.NotContains(t, got.stdout, "map[", "Go's syntax")
	assert.NotContains(t, got.stdout, "main thread is owner", "what only we understand")
	for _, name := range []string{"version", "modules from", "numpy", "torch", "threads", "open files", "processors"} {
		assert.Len(t, regexp.MustCompile(`(?m)^`+name+` `).FindAllString(got.stdout, -1), 1, name)
	}
	verbose := gopyrpc(t, "", "doctor", "--verbose").stdout
	assert.Regexp(t, `(?m)^signals +SIGINT=\S+, SIGSEGV=`, verbose)
	assert.Regexp(t, `(?m)^extensions +_ctypes, _json, `, verbose)
	assert.NotContains(t, verbose, "map[")
	if got.status == 0 { // this machine's Python may have problems, which are then named
		assert.Contains(t, got.stdout, "no problems found\n")
	} else {
		assert.Contains(t, got.stdout, "PROBLEM")
		assert.Contains(t, got.stderr, "problems found")
	}
}

func TestDoctorJSON(t *testing.T) {
	python(t)
	r := examined(t, nil)
	assert.Equal(t, python(t).Executable, r.Executable)
	assert.Equal(t, python(t).Library, r.Library)
	assert.NotEmpty(t, r.Python)
	assert.Positive(t, r.System.CPUs)
	assert.Positive(t, r.System.OpenFiles.Soft)
	require.NotNil(t, r.System.SharedMemory)
	assert.Equal(t, "/dev/shm", r.System.SharedMemory.Folder)
	require.Len(t, r.Packages, 2)
	assert.Equal(t, "numpy", r.Packages[0].Name)
	assert.Equal(t, "torch", r.Packages[1].Name)
}

// TestDoctorPackages: found by name, with the version that their metadata say, and never imported.
func TestDoctorPackages(t *testing.T) {
	python(t)
	dir := t.TempDir()
	for _, name := range []string{"numpy", "numpy-9.9.dist-info", "torch"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	put := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	put("numpy/__init__.py", "raise SystemError('imported')")
	put("numpy-9.9.dist-info/METADATA", "Metadata-Version: 2.1\nName: numpy\nVersion: 9.9\n")
	r := examined(t, nil, "--path", dir)
	assert.Equal(t, filepath.Join(dir, "numpy"), r.Packages[0].Folder)
	assert.Equal(t, "9.9", r.Packages[0].Version)
	assert.False(t, r.Packages[0].Usable)
	assert.Empty(t, r.Problems, "nobody need want it")
	assert.Contains(t, gopyrpc(t, "", "--path", dir, "doctor").stdout, "9.9 in "+filepath.Join(dir, "numpy")+" (built for another Python: cannot be imported here)\n")

	require.NoError(t, os.MkdirAll(filepath.Join(dir, "numpy", "core"), 0o700))
	put("numpy/core/_multiarray_umath.abi3.so", "")
	r = examined(t, nil, "--path", dir)
	assert.True(t, r.Packages[0].Usable)
}

// TestDoctorIgnored: what python3 would heed.
func TestDoctorIgnored(t *testing.T) {
	base := t.TempDir()
	user := filepath.Join(base, "lib", fmt.Sprintf("python3.%d", python(t).Minor), "site-packages")
	require.NoError(t, os.MkdirAll(user, 0o700))
	environment := []string{"PYTHONPATH=/x", "PYTHONHASHSEED=0", "PYTHONUSERBASE=" + base}
	names := func(r doctorReport) map[string]string {
		m := map[string]string{}
		for _, i := range r.Ignored {
			m[i.Name] = i.Value
		}
		return m
	}
	got := names(examined(t, environment))
	assert.Equal(t, "/x", got["PYTHONPATH"])
	assert.Equal(t, "0", got["PYTHONHASHSEED"])
	assert.NotContains(t, got, "user site-packages", "an empty one is missed by nobody")
	require.NoError(t, os.WriteFile(filepath.Join(user, "mine.py"), nil, 0o600))
	assert.Equal(t, user, names(examined(t, environment))["user site-packages"])
}

// TestDoctorFolders: what --path names and Python passes over.
func TestDoctorFolders(t *testing.T) {
	python(t)
	file := write(t, "no.zip", "text")
	for _, folder := range []string{"/not/there", file} {
		r := examined(t, nil, "--path", folder)
		require.Len(t, r.Problems, 1, folder)
		assert.Contains(t, r.Problems[0].What, "--path "+folder+": no modules can be imported from there")
	}
}

// TestDoctorVirtualEnvironment: one that lost its pyvenv.cfg is none, which nobody would notice.
func TestDoctorVirtualEnvironment(t *testing.T) {
	found := python(t)
	root := t.TempDir()
	executable := filepath.Join(root, "bin", "python3")
	require.NoError(t, os.MkdirAll(filepath.Join(root, "lib", fmt.Sprintf("python3.%d", found.Minor), "site-packages"), 0o700))
	require.NoError(t, os.Mkdir(filepath.Join(root, "bin"), 0o700))
	require.NoError(t, os.Symlink(found.Executable, executable))
	r := examined(t, nil, "--python", executable)
	require.NotEmpty(t, r.Problems)
	assert.Contains(t, r.Problems[0].What, root+" looks like a virtual environment and has no pyvenv.cfg")

	config := "home = " + filepath.Dir(found.Executable) + "\ninclude-system-site-packages = false\n"
	require.NoError(t, os.WriteFile(filepath.Join(root, "pyvenv.cfg"), []byte(config), 0o600))
	assert.Empty(t, examined(t, nil, "--python", executable).Problems)
	assert.Regexp(t, `(?m)^virtual environment +`+root+`, made from /`, gopyrpc(t, "", "--python", executable, "doctor").ok(t))
}

// TestDoctorNoPython: another program is not blamed for our own words.
func TestDoctorNoPython(t *testing.T) {
	got := gopyrpc(t, "", "--python", "/bin/ls", "doctor")
	got.failed(t, 1, "/bin/ls is no python interpreter (named by --python); name a cpython")
	assert.NotContains(t, got.stderr, "import")
}

// TestDoctorWithoutPython: what was asked for is not there, and what there is instead.
func TestDoctorWithoutPython(t *testing.T) {
	found := python(t)
	cmd := command(t, "doctor")
	cmd.Env = append(cmd.Environ(), "GOPYRPC_PYTHON=/not/there", "GOPYRPC_TEST_PYTHONS="+found.Executable)
	got := finish(t, cmd)
	got.failed(t, 1, "there is no python interpreter at /not/there (named by GOPYRPC_PYTHON)", "usable instead, with --python:\n  python 3.")

	cmd = command(t, "doctor", "--json")
	cmd.Env = append(cmd.Environ(), "GOPYRPC_PYTHON=/not/there", "GOPYRPC_TEST_PYTHONS="+found.Executable)
	got = finish(t, cmd)
	assert.Equal(t, 1, got.status)
	var r doctorReport
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &r), got.stdout)
	require.Len(t, r.Problems, 1)
	assert.Contains(t, r.Problems[0].What, "/not/there")
	assert.NotContains(t, got.stdout, "null")
	assert.NotEmpty(t, r.Others)
}

// TestNoPython is what every other command says.
func TestNoPython(t *testing.T) {
	for _, args := range [][]string{{"call", "self", "math:hypot", "3", "4"}, {"--python", "/not/there", "call", "self", "math:pi"}} {
		cmd := command(t, args...)
		cmd.Env = append(cmd.Environ(), "GOPYRPC_PYTHON=/not/there")
		finish(t, cmd).failed(t, 1, "no python to start: there is no python interpreter at /not/there (named by ", "name one that exists")
	}
}

// TestDoctorSaysHowMuchStackThereIs: what was granted, where that is less than the limit of recursion counts on, and
// in JSON.
func TestDoctorSaysHowMuchStackThereIs(t *testing.T) {
	got := gopyrpc(t, "", "doctor")
	assert.Regexp(t, `(?m)^stack +first thread \d+\.\d MiB, others \d+\.\d MiB$`, got.stdout)
	assert.NotContains(t, got.stdout, "little stack")

	cmd := command(t, "doctor")
	cmd.Env = append(cmd.Environ(), pythontest.StackEnds(t, 3<<20, false)...)
	got = finish(t, cmd)
	assert.Equal(t, 1, got.status)
	assert.Regexp(t, `PROBLEM +threads have little stack \(first thread 3\.\d MiB, .*only about 5\d\d deep: start the program with`, got.stdout)
}
