package main

import (
	"bufio"
	"bytes"
	"io"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// interrupted starts a command, sends signals one after the other once it has said "in", and waits for
// its end. A command that ignores them ends with the test's deadline.
func interrupted(t *testing.T, cmd *exec.Cmd, signals ...syscall.Signal) ended {
	t.Helper()
	return interruptedWhen(t, cmd, func(stdout *bufio.Reader) {
		line, err := stdout.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "in\n", line)
	}, signals...)
}

func interruptedWhen(t *testing.T, cmd *exec.Cmd, ready func(stdout *bufio.Reader), signals ...syscall.Signal) ended {
	t.Helper()
	var stderr bytes.Buffer
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	said, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	out := bufio.NewReader(stdout)
	ready(out)
	lines := bufio.NewReader(io.TeeReader(said, &stderr))
	for _, s := range signals {
		require.NoError(t, cmd.Process.Signal(s))
		_, _ = lines.ReadString('\n') // what it says to the first one; the second must come after that
	}
	_, _ = io.Copy(io.Discard, lines)
	rest, _ := io.ReadAll(out)
	err = cmd.Wait()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.NotContains(t, stderr.String(), "goroutine ", "a crash")
	return ended{string(rest), stderr.String(), cmd.ProcessState.ExitCode()}
}

// TestSignals: a UDF that does not end keeps no command alive. One in Python code is interrupted; one that
// waits in C is given the time of a join, and named.
func TestSignals(t *testing.T) {
	python(t)
	for _, c := range []struct {
		function string
		signal   syscall.Signal
		status   int
		says     string
	}{
		{"cmd_udfs:spin", syscall.SIGINT, 130, "gopyrpc: SIGINT: stopping (once more to stop at once)\ngopyrpc: stopped by SIGINT\n"},
		{"cmd_udfs:sleep", syscall.SIGTERM, 143, "gopyrpc: SIGTERM: stopping (once more to stop at once)\ngopyrpc: stopped by SIGTERM; still running after 5s: cmd_udfs:sleep\n"},
	} {
		t.Run(c.function, func(t *testing.T) {
			t.Parallel() // each waits for as long as a join does
			got := interrupted(t, command(t, "call", "self", c.function), c.signal)
			assert.Equal(t, c.status, got.status)
			assert.Empty(t, got.stdout)
			assert.Equal(t, c.says, got.stderr)
		})
	}
}

func TestSecondSignalStopsAtOnce(t *testing.T) {
	python(t)
	got := interrupted(t, command(t, "call", "self", "cmd_udfs:sleep"), syscall.SIGINT, syscall.SIGTERM)
	assert.Equal(t, 143, got.status)
	assert.Equal(t, "gopyrpc: SIGINT: stopping (once more to stop at once)\n", got.stderr)
}

// TestSignalWhileReading: nobody sends the rest of the payload.
func TestSignalWhileReading(t *testing.T) {
	cmd := command(t, "udf")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	defer func() { _ = stdin.Close() }()
	reads := make(chan struct{})
	go func() {
		defer close(reads)
		// More than a pipe holds: when it is written, the command is reading, and so listens to signals.
		_, _ = stdin.Write(bytes.Repeat([]byte("x"), 1<<20))
	}()
	got := interruptedWhen(t, cmd, func(*bufio.Reader) { <-reads }, syscall.SIGINT)
	assert.Equal(t, 130, got.status)
	assert.Equal(t, "gopyrpc: SIGINT: stopping (once more to stop at once)\ngopyrpc: stopped by SIGINT\n", got.stderr)
}
