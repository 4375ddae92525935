package main_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/buildtest"
)

func TestMain(m *testing.M) {
	status := m.Run()
	buildtest.RemovePackage()
	os.Exit(status)
}

// program is a Python program that a plain python3 runs.
type program struct {
	*exec.Cmd
	out watched
	err strings.Builder
}

// watched is what a program writes. It tells when the program says that it waits.
type watched struct {
	strings.Builder
	waits chan struct{}
	once  sync.Once
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Builder.Write(p)
	if strings.Contains(w.String(), "waiting\n") {
		w.once.Do(func() { close(w.waits) })
	}
	return n, err
}

// signalWhenWaiting sends a signal when the program has said that it waits.
func (p *program) signalWhenWaiting(t *testing.T, s os.Signal) {
	t.Helper()
	select {
	case <-p.out.waits:
	case <-time.After(time.Minute):
		require.Fail(t, "the program does not wait", "%s%s", p.out.String(), &p.err)
	}
	require.NoError(t, p.Process.Signal(s))
}

// preamble is what programs begin with. Rank and world size are arguments; the group meets at the third.
const preamble = `
import faulthandler, os, sys
faulthandler.enable()
import gopyrpc as rpc

def join(rank, world, port):
    rpc.init_rpc(f"w{rank}", rank=rank, world_size=world,
        rpc_backend_options=rpc.RpcBackendOptions(init_method=f"tcp://127.0.0.1:{port}"))

rank, world, port = map(int, sys.argv[1:4]) if len(sys.argv) > 3 else (0, 1, 0)
`

// start starts a program of a source as a file.
func start(t *testing.T, python, source string, args ...string) *program {
	t.Helper()
	return run(t, python, append([]string{write(t, "program.py", preamble+source)}, args...)...)
}

// run starts python3 with arguments.
func run(t *testing.T, python string, args ...string) *program {
	t.Helper()
	return runAs(t, []string{"PYTHONPATH=" + buildtest.Package(t), "PYTHONDONTWRITEBYTECODE=1"}, python, args...)
}

// runAs starts a program with variables of the environment beside the test's own.
func runAs(t *testing.T, env []string, name string, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	p := &program{Cmd: exec.CommandContext(ctx, name, args...)}
	p.Env = append(os.Environ(), env...)
	p.Stdout, p.Stderr = &p.out, &p.err
	p.out.waits = make(chan struct{})
	p.WaitDelay = 10 * time.Second
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // signals of the terminal are for the program alone
	require.NoError(t, p.Start())
	return p
}

// ended waits for the end and returns the status: minus the signal's number where one ended it.
func (p *program) ended(t *testing.T) int {
	t.Helper()
	err := p.Wait()
	var exit *exec.ExitError
	if err != nil {
		require.ErrorAs(t, err, &exit, "%s%s", p.out.String(), &p.err)
		if s := exit.Sys().(syscall.WaitStatus); s.Signaled() {
			return -int(s.Signal())
		}
		return exit.ExitCode()
	}
	return 0
}

// ok waits for a good end and returns what the program wrote.
func (p *program) ok(t *testing.T) string {
	t.Helper()
	require.Equal(t, 0, p.ended(t), "%s%s", p.out.String(), &p.err)
	return p.out.String()
}

func write(t *testing.T, name, source string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, []byte(source), 0o600))
	return file
}
