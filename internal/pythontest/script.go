package pythontest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/gopyrpc/gopyrpc/pybridge"
)

const scriptVariable = "GOPYRPC_TEST_SCRIPT"

// A script that takes longer is asked for its goroutines (SIGQUIT) and, some seconds later, killed.
const (
	scriptTime = 2 * time.Minute
	dumpTime   = 5 * time.Second
)

var scripts = map[string]func() int{}

// Register names a function for [Script]. It is called from init functions of tests.
func Register(name string, f func() int) {
	if scripts[name] != nil {
		panic("pythontest.Register: two scripts named " + name) // panics: a test that cannot run at all
	}
	scripts[name] = f
}

// Start is pybridge.Start, for scripts of packages that must not import pybridge.
func Start(opts ...pybridge.Option) (*pybridge.Runtime, error) {
	return pybridge.Start(context.Background(), opts...)
}

// FailToStart is a start that fails for good, for those scripts.
func FailToStart() error {
	_, err := pybridge.Start(context.Background(), pybridge.WithPreload("is_not_there"))
	return err
}

func runScript(name string) int {
	f := scripts[name]
	if f == nil {
		fmt.Fprintf(os.Stderr, "pythontest: no script named %q\n", name)
		return 2
	}
	return f()
}

// Script runs a registered function in a fresh process of the same test binary, in which no Python
// was started, with env ("NAME=value") on top of the test's environment. The exit code is what the
// function returned, or 128 and the signal's number where one ended the process. A script that does
// not end fails the test.
func Script(t testing.TB, name string, env ...string) (stdout, stderr string, code int) {
	t.Helper()
	seen()
	if scripts[name] == nil {
		t.Fatalf("pythontest.Script: no script named %q", name)
	}
	ctx, cancel := context.WithTimeout(t.Context(), scriptTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	// The race detector makes every process sleep for a second at its end otherwise.
	fixed := []string{"GORACE=atexit_sleep_ms=0", scriptVariable + "=" + name}
	cmd.Env = slices.Concat(os.Environ(), fixed, env)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGQUIT) }
	cmd.WaitDelay = dumpTime
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("script %q did not end: %v\nstdout:\n%s\nstderr:\n%s", name, ctx.Err(), &out, &errs)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("script %q: %v", name, err)
	}
	return out.String(), errs.String(), exitCode(cmd.ProcessState)
}

func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
