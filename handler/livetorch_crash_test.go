package handler_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/handler"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

func init() {
	pythontest.Register("live torch: cleanup in use", liveScript(cleanupInUse))
	pythontest.Register("live torch: end in use", liveScript(endInUse))
}

// torchCrash runs a case of torchcrash.py with python3 alone until a signal ends it, a few times: it may
// take a race. The test is skipped where torch does better; it is known to crash in 1.13.
func torchCrash(t *testing.T, name string) {
	t.Helper()
	const tries = 3
	python, _, _ := pythontest.Runtime().Interpreter()
	var version string
	for range tries {
		ctx, cancel := context.WithTimeout(t.Context(), liveTime)
		defer cancel()
		cmd := exec.CommandContext(ctx, python, "-c", "import torchcrash; torchcrash.main()", name)
		cmd.Env = append(os.Environ(), "PYTHONPATH="+testdata(), "TP_SOCKET_IFNAME=lo", "GLOO_SOCKET_IFNAME=lo",
			"LIVE_TORCH_DIR="+t.TempDir())
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		require.NoError(t, ctx.Err(), "python3 did not end: %s", &errs)
		version = strings.TrimSpace(out.String())
		require.NotEmpty(t, version, "%v: %s", err, &errs)
		status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if status.Signaled() {
			assert.Contains(t, []syscall.Signal{syscall.SIGSEGV, syscall.SIGABRT, syscall.SIGBUS}, status.Signal())
			return
		}
		require.NoError(t, err, "neither a crash nor success:\n%s", &errs)
	}
	require.False(t, strings.HasPrefix(version, "1."), "torch %s did not crash", version)
	t.Skipf("torch %s does not crash any more", version)
}

// TestTorchCrashesWhenCleanedUpInUse has what torch does, and then that we do not: the same payload cleans
// our handler up, and torch's beside it.
func TestTorchCrashesWhenCleanedUpInUse(t *testing.T) {
	pythontest.NeedTensorPipe(t)
	t.Parallel()
	t.Run("ours", func(t *testing.T) { endsWell(t, "live torch: cleanup in use") })
	t.Run("torch", func(t *testing.T) { torchCrash(t, "cleanup_in_use") })
}

// TestTorchCrashesWhenCPythonIsGone is what PythonRpcHandler's comments fear of its destructor: torch's
// threads still hold Python's objects. With us the interpreter stays for as long as they do.
func TestTorchCrashesWhenCPythonIsGone(t *testing.T) {
	pythontest.NeedTensorPipe(t)
	t.Parallel()
	t.Run("ours", func(t *testing.T) { endsWell(t, "live torch: end in use") })
	t.Run("torch", func(t *testing.T) { torchCrash(t, "exit_in_use") })
}

func endsWell(t *testing.T, name string) {
	t.Helper()
	stdout, stderr, code := runLive(t, name)
	assert.Equal(t, 0, code, "stdout:\n%s\nstderr:\n%s", stdout, stderr)
	assert.NotRegexp(t, crashed, stderr)
	assert.Equal(t, "interpreter skipped, left 0\n", stdout, stderr)
}

// cleanupInUse unpickles, with each of our handlers, what cleans that handler up and torch's too. The
// call that does so ends as if nothing had happened; the next is refused.
func cleanupInUse(ctx context.Context) error {
	g, err := startGroup(ctx, 1, pybridge.WithFinalize(pybridge.FinalizeGraceful))
	if err == nil {
		err = g.join(ctx)
	}
	if err == nil {
		err = g.rt.Preload(ctx, "torchcrash")
	}
	if err != nil {
		return err
	}
	cleaned := handler.Payload{Data: []byte("ctorchcrash\nclean\n(tRclivetorch\ncall_hook\nI1\n\x85R0.")}
	for _, h := range g.handlers {
		clean := func(ctx context.Context, _ []any, _ map[string]any) (any, error) { return "ours", h.Cleanup(ctx) }
		if err := g.setHook(ctx, clean); err != nil {
			return err
		}
		o, err := h.Deserialize(ctx, cleaned)
		if err != nil {
			return err
		}
		if err := h.HandleException(ctx, o); !errors.Is(err, handler.ErrClosed) {
			return fmt.Errorf("%s used after its cleanup: %w", h.Module(), err)
		}
		o.Release()
	}
	unhook := gil.With(ctx, func(t gil.Token) error { return setLiveHook(t, g.rt, nil) })
	return errors.Join(unhook, g.close(ctx))
}

// endInUse closes while a function runs on torch's thread, which then comes back to Python.
func endInUse(ctx context.Context) error {
	g, err := startGroup(ctx, 1, pybridge.WithFinalize(pybridge.FinalizeGraceful))
	if err == nil {
		err = g.join(ctx)
	}
	if err != nil {
		return err
	}
	var toTorch, fromTorch [2]int
	if err := errors.Join(syscall.Pipe(toTorch[:]), syscall.Pipe(fromTorch[:])); err != nil {
		return err
	}
	if err := do(ctx, g.rt, "hold_until", toTorch[0], fromTorch[1]); err != nil {
		return err
	}
	if err := g.close(ctx); err != nil {
		return err
	}
	if _, err := syscall.Write(toTorch[1], []byte{42}); err != nil {
		return err
	}
	var got [1]byte
	if _, err := syscall.Read(fromTorch[0], got[:]); err != nil || got[0] != 42 {
		return fmt.Errorf("%d came back from torch's thread: %w", got[0], err)
	}
	return nil
}
