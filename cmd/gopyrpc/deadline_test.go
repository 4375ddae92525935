package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestCallTimeout: the call's end does not wait for its function, whether that notices or not. A command that
// waited would run into the test's own deadline.
func TestCallTimeout(t *testing.T) {
	late := func(function string) string { return function + " did not return within 300ms (--timeout)" }
	got := gopyrpc(t, "", "call", "--timeout", "300ms", "self", "time:sleep", "100000")
	got.failed(t, 1, late("time:sleep")+"; it does not react, as code in C does not, and was left behind\n")
	gopyrpc(t, "", "call", "--timeout", "300ms", "self", "re:match", "'(a+)+$'", "'"+strings.Repeat("a", 60)+"b'").failed(t, 1, late("re:match"))

	got = gopyrpc(t, "", "call", "--timeout", "300ms", "self", "cmd_udfs:sleep")
	assert.Equal(t, "in\n", got.stdout, "what was printed is flushed")
	assert.Contains(t, got.stderr, late("cmd_udfs:sleep"))
	assert.Equal(t, 1, got.status)

	got = gopyrpc(t, "", "call", "--timeout", "2s", "self", "cmd_udfs:spin") // by then it has begun, on any machine
	assert.Contains(t, got.stderr, "cmd_udfs:spin did not return within 2s (--timeout)")
	assert.Contains(t, got.stderr, ", in spin")
	assert.Equal(t, 1, got.status)
}

// TestCallTimeoutOfImport: the time is the call's, also where it does not come as far as its function.
func TestCallTimeoutOfImport(t *testing.T) {
	dir := filepath.Dir(write(t, "cmd_slow.py", "import time\ntime.sleep(100000)\n"))
	gopyrpc(t, "", "call", "--path", dir, "--timeout", "300ms", "self", "cmd_slow:f").failed(t, 1, "cmd_slow:f did not return within 300ms")
}

// TestCallTimeoutAtWorker: whose function goes on until it notices.
func TestCallTimeoutAtWorker(t *testing.T) {
	s := serveAgent(t, "--name", "w0")
	gopyrpc(t, "", "call", "--timeout", "2s", "--peer", s.peer, "w0", "time:sleep", "4").failed(t, 1, // by then it is there, on any machine
		"time:sleep at w0 did not return within 2s (--timeout); it may have run, or run still")
}

func TestCallTimeoutUsage(t *testing.T) {
	here(t, "call", "--timeout=-1s", "self", "math:sqrt", "4").failed(t, 2, "--timeout -1s: a time that is not negative, such as 300ms or 2m; 0 for no end")
	here(t, "call", "--timeout", "5", "self", "math:sqrt", "4").failed(t, 2, `missing unit in duration "5" (did you mean 5s?)`)
	assert.Equal(t, "2.0\n", gopyrpc(t, "", "call", "--timeout", "0", "self", "math:sqrt", "4").ok(t), "no end")
}

// TestOnlyCallsHaveAnEnd: an agent, or a program under run, goes on for longer than a call may take by default. All
// commands are made, whichever runs.
func TestOnlyCallsHaveAnEnd(t *testing.T) {
	c := &common{}
	call := callCommand(c)
	assert.Equal(t, "1m0s", call.Flag("timeout").DefValue)
	assert.Zero(t, c.deadline.limit)
}
