package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/cmd/gopyrpc/launch"
	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

// ended is what a command left when it ended.
type ended struct {
	stdout, stderr string
	status         int
}

// here runs a command that starts no Python, within the test's process.
func here(t *testing.T, args ...string) ended {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(args, strings.NewReader(""), &stdout, &stderr)
	return ended{stdout.String(), stderr.String(), status}
}

// python is the interpreter that the command will choose; the test is skipped where there is none.
func python(t *testing.T) discover.Interpreter {
	t.Helper()
	return interpreters.Find(t)
}

// gopyrpc runs the real command with stdin, from the folder of the test's Python modules.
func gopyrpc(t *testing.T, stdin string, args ...string) ended {
	t.Helper()
	python(t)
	cmd := command(t, args...)
	cmd.Stdin = strings.NewReader(stdin)
	return finish(t, cmd)
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"--path", testdata(t)}, args...)...)
	cmd.Dir = t.TempDir() // nothing may be found by way of the working directory
	return cmd
}

func finish(t *testing.T, cmd *exec.Cmd) ended {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil {
		require.ErrorAs(t, err, &exit)
	}
	assert.NotContains(t, stderr.String(), "goroutine ", "a crash")
	return ended{stdout.String(), withoutWaiting(stderr.String()), cmd.ProcessState.ExitCode()}
}

// waiting is a line of the log of an agent that has waited for its group for some seconds: on a busy machine, that is.
var waiting = regexp.MustCompile(`(?m)^.*msg="agent: still waiting for the group.*\n`)

func withoutWaiting(stderr string) string { return waiting.ReplaceAllString(stderr, "") }

func testdata(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("testdata")
	require.NoError(t, err)
	return dir
}

// ok checks that a command succeeded in silence, and gives its output.
func (e ended) ok(t *testing.T) string {
	t.Helper()
	assert.Equal(t, 0, e.status, e.stderr)
	assert.Empty(t, e.stderr)
	return e.stdout
}

// failed checks that a command failed, printed nothing as a result, and said these things.
func (e ended) failed(t *testing.T, status int, texts ...string) {
	t.Helper()
	assert.Equal(t, status, e.status, e.stderr)
	assert.Empty(t, e.stdout)
	for _, text := range texts {
		assert.Contains(t, e.stderr, text)
	}
	assert.Equal(t, 1, strings.Count(e.stderr, "gopyrpc: "), "one message: %s", e.stderr)
}

// raised checks that a program ended with an exception, which Python has shown, and said these things.
func (e ended) raised(t *testing.T, texts ...string) {
	t.Helper()
	assert.Equal(t, 1, e.status, e.stderr)
	assert.Contains(t, e.stderr, "Traceback (most recent call last):\n")
	for _, text := range texts {
		assert.Contains(t, e.stderr, text)
	}
}

// pickled makes the pickle of a Python expression with a plain python3, which has the embedded package
// from its sources.
func pickled(t *testing.T, expression string) string {
	t.Helper()
	return plainPython(t, "", "import pickle, sys, math, cmd_udfs as u; from gopyrpc.internal import PythonUDF; sys.stdout.buffer.write(pickle.dumps("+expression+"))")
}

// plainPython runs statements in a plain python3.
func plainPython(t *testing.T, stdin, statements string) string {
	t.Helper()
	files, err := filepath.Abs(filepath.Join("..", "..", "python"))
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), python(t).Executable, "-B", "-c", statements)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+files+string(os.PathListSeparator)+testdata(t), "PYTHONUTF8=1")
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("%s: %s", statements, exit.Stderr)
	}
	require.NoError(t, err)
	return string(out)
}

// write puts a file into a folder of its own.
func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// freePort is a port of the loopback interface that nobody else is given before the test ends (see [launch.KeepPort]).
func freePort(t *testing.T) string {
	t.Helper()
	socket, port, err := launch.KeepPort()
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Close(socket) })
	return strconv.Itoa(port)
}
