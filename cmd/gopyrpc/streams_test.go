package main

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAgent_linesComeAtOnce: a line that a function printed is in the pipe when its call is over, also if the agent
// is killed then.
func TestAgent_linesComeAtOnce(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer func() { _ = r.Close() }()
	s := serveAgentTo(t, w, "--name", "w0")
	require.NoError(t, w.Close())
	gopyrpc(t, "", "call", "--peer", s.peer, "w0", "builtins:print", `"hello"`).ok(t)
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGKILL))
	line, err := bufio.NewReader(r).ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "hello\n", line)
}

// TestAgent_closedOutput: there is no sys.stdout then.
func TestAgent_closedOutput(t *testing.T) {
	python(t)
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `exec "$0" agent --name w0 --listen 127.0.0.1:0 >&-`, binary)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	said, err := bufio.NewReader(stderr).ReadString('\n')
	require.NoError(t, err)
	assert.Contains(t, said, "worker w0 listens on ")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	_ = cmd.Wait()
	assert.Equal(t, 143, cmd.ProcessState.ExitCode())
}

// TestFullOutput: a command whose output cannot be written says so, and does not end with status 0.
func TestFullOutput(t *testing.T) {
	for _, args := range [][]string{
		{"version"}, {"doctor"}, {"call", "self", "math:hypot", "3", "4"}, {"call", "--json", "self", "math:hypot", "3", "4"},
		{"call", "--json", "self", "math:not_there"},
	} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		require.NoError(t, err)
		defer func() { _ = full.Close() }()
		python(t)
		cmd := command(t, args...)
		var stderr strings.Builder
		cmd.Stdout, cmd.Stderr = full, &stderr
		_ = cmd.Run()
		assert.Equal(t, 1, cmd.ProcessState.ExitCode(), "%q", args)
		assert.Equal(t, 1, strings.Count(stderr.String(), "no space left on device"), "%q: %s", args, &stderr)
		assert.Contains(t, stderr.String(), "gopyrpc: the output is not complete: ", "%q", args)
	}
}

// promptThenDie prints something that is no line, and dies without flushing it.
const promptThenDie = `
import os, sys
print("prompt> ", end="")
sys.stderr.write("error> ")
print(sys.stdout.line_buffering, sys.__stdout__ is sys.stdout, sys.stdout.encoding, sys.stdout.errors, end="")
os.kill(os.getpid(), 9)
`

func TestRun_unbuffered(t *testing.T) {
	python(t)
	for variable, want := range map[string]ended{
		"1": {stdout: "prompt> False True utf-8 surrogateescape", stderr: "error> ", status: -1},
		"":  {status: -1},
	} {
		cmd := command(t, "run", write(t, "program.py", promptThenDie))
		cmd.Env = append(cmd.Environ(), unbufferedVariable+"="+variable)
		assert.Equal(t, want, finish(t, cmd), variable)
	}
}
