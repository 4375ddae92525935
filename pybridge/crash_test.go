package pybridge_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// sourceVariable carries the program of a script that runs any.
const sourceVariable = "TEST_SOURCE"

func init() {
	source := func(ctx context.Context, rt *pybridge.Runtime) error {
		return statements(ctx, rt, os.Getenv(sourceVariable))
	}
	pythontest.Register("crash", running(source))
	pythontest.Register("crash without reports", running(source, pybridge.WithCrashReports(false)))
	pythontest.Register("crash on the owner", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		return rt.OnOwner(ctx, func(tok gil.Token) error { return rt.RunMain(tok, os.Getenv(sourceVariable), "<script>") })
	}))
	pythontest.Register("go panic under python", running(func(ctx context.Context, _ *pybridge.Runtime) error {
		return gil.With(ctx, func(gil.Token) error {
			var nothing *int
			*nothing = 1 // nobody recovers
			return nil
		})
	}))
	pythontest.Register("crash after close", script(func(ctx context.Context) error {
		rt, err := pybridge.Start(ctx)
		if err != nil {
			return err
		}
		if err := statements(ctx, rt, os.Getenv(sourceVariable)); err != nil {
			return err
		}
		if err := rt.Close(ctx); err != nil {
			return err
		}
		fmt.Println("closed")
		if err := abort(); err != nil {
			return err
		}
		select {}
	}))
}

// crashes are statements that crash in C code, by their signals.
var crashes = map[string]struct {
	signal syscall.Signal
	name   string
}{
	"ctypes.string_at(8)":                  {syscall.SIGSEGV, "SIGSEGV"},
	"ctypes.CDLL(None).abort()":            {syscall.SIGABRT, "SIGABRT"},
	"signal.raise_signal(signal.SIGFPE)":   {syscall.SIGFPE, "SIGFPE"},
	"signal.raise_signal(signal.SIGILL)":   {syscall.SIGILL, "SIGILL"},
	"open_and_truncate()":                  {syscall.SIGBUS, "SIGBUS"},
	"ctypes.CFUNCTYPE(ctypes.c_int)(16)()": {syscall.SIGSEGV, "SIGSEGV"},
}

const crashSource = `
import ctypes, mmap, signal, tempfile, threading

def open_and_truncate():
    with tempfile.TemporaryFile() as f:
        f.write(b"x" * 8192)
        f.flush()
        m = mmap.mmap(f.fileno(), 8192)
        f.truncate(0)
        return m[4096]

def my_udf():
    %s
`

// stackOf is the part of stderr about the thread that crashed.
func stackOf(t *testing.T, stderr string) string {
	t.Helper()
	_, rest, ok := strings.Cut(stderr, "; Python on this thread:\n")
	require.True(t, ok, stderr)
	this, all, ok := strings.Cut(rest, "\ngopyrpc: Python on all threads:\n")
	require.True(t, ok, stderr)
	assert.Contains(t, all, "(most recent call first):")
	return this
}

func TestCrashOnGoThread(t *testing.T) {
	for crash, want := range crashes {
		t.Run(crash, func(t *testing.T) {
			_, stderr, code := pythontest.Script(t, "crash", sourceVariable+"="+replace(crashSource, crash)+"my_udf()")
			assert.Equal(t, 2, code, "as Go ends: %s", stderr)
			assert.Contains(t, stderr, "\ngopyrpc: "+want.name)
			assert.Regexp(t, `"<script>", line \d+ in my_udf\n`, stackOf(t, stderr))
			assert.Contains(t, stderr, "signal arrived during cgo execution", "Go's own report")
			assert.Equal(t, 1, strings.Count(stderr, "gopyrpc: "+want.name), "one report: %s", stderr)
		})
	}
}

// TestCrashOnPythonThread: without the report it ends without a word.
func TestCrashOnPythonThread(t *testing.T) {
	for crash, want := range crashes {
		t.Run(crash, func(t *testing.T) {
			source := replace(crashSource, crash) + "t = threading.Thread(target=my_udf)\nt.start()\nt.join()\n"
			_, stderr, code := pythontest.Script(t, "crash", sourceVariable+"="+source)
			assert.Contains(t, []int{2, 128 + int(want.signal)}, code, stderr)
			assert.Regexp(t, `"<script>", line \d+ in my_udf\n`, stackOf(t, stderr))
		})
	}
}

func TestCrashOnOwner(t *testing.T) {
	source := replace(crashSource, "ctypes.string_at(8)") + "my_udf()"
	_, stderr, code := pythontest.Script(t, "crash on the owner", sourceVariable+"="+source)
	assert.Equal(t, 2, code, stderr)
	assert.Contains(t, stackOf(t, stderr), " in my_udf\n")
}

// TestCrashSignalFromOutside: it comes to whichever thread, so the function is among all of them.
func TestCrashSignalFromOutside(t *testing.T) {
	const source = `
import os, signal, threading
def my_udf():
    os.kill(os.getpid(), signal.SIGSEGV)
    threading.Event().wait()
my_udf()
`
	_, stderr, code := pythontest.Script(t, "crash", sourceVariable+"="+source)
	assert.Equal(t, 2, code, stderr)
	assert.Contains(t, stderr, "gopyrpc: SIGSEGV, raised or sent")
	_, all, _ := strings.Cut(stderr, "gopyrpc: Python on all threads:\n")
	assert.Contains(t, all, " in my_udf\n")
}

// TestCrashOnThreadWithoutPython: a library's own, which Python knows nothing of.
func TestCrashOnThreadWithoutPython(t *testing.T) {
	const source = `
import ctypes
libc = ctypes.CDLL(None)
def my_udf():
    thread = ctypes.c_ulong()
    assert libc.pthread_create(ctypes.byref(thread), None, libc.strlen, ctypes.c_void_p(8)) == 0
    libc.pthread_join(thread, None)
my_udf()
`
	_, stderr, code := pythontest.Script(t, "crash", sourceVariable+"="+source)
	assert.Contains(t, []int{2, 128 + int(syscall.SIGSEGV)}, code, stderr)
	assert.Contains(t, stderr, "gopyrpc: SIGSEGV in C code, on a thread without Python\n")
	assert.Contains(t, stderr, " in my_udf\n")
}

// TestCrashesOnManyThreads: each waits for the one report, which is whole.
func TestCrashesOnManyThreads(t *testing.T) {
	const source = `
import ctypes, threading
crash = ctypes.CDLL(None).strlen # without the GIL
ready = threading.Barrier(8)
def my_udf():
    ready.wait()
    crash(ctypes.c_void_p(8))
threads = [threading.Thread(target=my_udf) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
`
	_, stderr, code := pythontest.Script(t, "crash", sourceVariable+"="+source)
	assert.Contains(t, []int{2, 128 + int(syscall.SIGSEGV)}, code, stderr)
	assert.Contains(t, stackOf(t, stderr), " in my_udf\n")
	assert.Equal(t, 1, strings.Count(stderr, "gopyrpc: SIGSEGV"), stderr)
}

// TestStackOverflowIsReported: the handler has a stack of its own.
func TestStackOverflowIsReported(t *testing.T) {
	if v := pythontest.Runtime().Version(); v.Minor >= 12 {
		t.Skipf("Python %s ends such a recursion by itself", v)
	}
	const source = `
import sys
nested = []
for _ in range(10**6): nested = [nested]
__import__("ctypes").pythonapi.Py_SetRecursionLimit(10**8)
def my_udf(): repr(nested)
my_udf()
`
	_, stderr, code := pythontest.Script(t, "crash", sourceVariable+"="+source)
	assert.Equal(t, 2, code, stderr)
	assert.Contains(t, stackOf(t, stderr), " in my_udf\n")
}

func TestCrashWithoutReports(t *testing.T) {
	source := replace(crashSource, "ctypes.string_at(8)") + "my_udf()"
	_, stderr, code := pythontest.Script(t, "crash without reports", sourceVariable+"="+source)
	assert.Equal(t, 2, code, stderr)
	assert.NotContains(t, stderr, "gopyrpc: SIGSEGV")
	assert.NotContains(t, stderr, "my_udf")
}

// TestFaulthandlerStillReports, too: a program that enables it gets what it promises, in the file it was given.
func TestFaulthandlerStillReports(t *testing.T) {
	for _, script := range []string{"crash", "crash without reports"} {
		t.Run(script, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "stacks")
			source := replace(crashSource, "ctypes.string_at(8)") +
				fmt.Sprintf("import faulthandler\nf = open(%q, 'w')\nfaulthandler.enable(f)\nmy_udf()\n", file)
			_, stderr, code := pythontest.Script(t, script, sourceVariable+"="+source)
			assert.Equal(t, 2, code, stderr)
			assert.Equal(t, script == "crash", strings.Contains(stderr, "gopyrpc: SIGSEGV"), stderr)
			assert.Contains(t, stderr, "signal arrived during cgo execution", "Go's own report")
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Contains(t, string(text), "Fatal Python error: Segmentation fault")
			assert.Contains(t, string(text), " in my_udf\n")
		})
	}
}

// TestGoPanicIsNoCrash: a fault of Go's own, with the GIL held, is reported by Go alone.
func TestGoPanicIsNoCrash(t *testing.T) {
	_, stderr, code := pythontest.Script(t, "go panic under python")
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "panic: runtime error: invalid memory address or nil pointer dereference")
	assert.NotContains(t, stderr, "gopyrpc: SIG")
}

// TestCrashAfterClose: nothing of Python is asked any more.
func TestCrashAfterClose(t *testing.T) {
	for name, source := range map[string]string{"plain": "pass", "faulthandler enabled": "import faulthandler\nfaulthandler.enable()"} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := pythontest.Script(t, "crash after close", sourceVariable+"="+source)
			assert.Equal(t, "closed\n", stdout)
			assert.Equal(t, 2, code, stderr)
			assert.Contains(t, stderr, "SIGABRT: abort")
			assert.NotContains(t, stderr, "gopyrpc: SIG")
			assert.NotContains(t, stderr, "Fatal Python error")
		})
	}
}

// TestCrashOnTorchThread: what torch's own RPC agent runs, it runs on threads that it made.
func TestCrashOnTorchThread(t *testing.T) {
	pythontest.NeedTensorPipe(t)
	source := replace(crashSource, "ctypes.string_at(8)") + fmt.Sprintf(`
import torch.distributed.rpc as rpc
options = rpc.TensorPipeRpcBackendOptions(init_method="file://%s")
rpc.init_rpc("self", rank=0, world_size=1, rpc_backend_options=options)
rpc.rpc_sync("self", my_udf)
`, filepath.Join(t.TempDir(), "store"))
	_, stderr, code := pythontest.Script(t, "crash", sourceVariable+"="+source, "TP_SOCKET_IFNAME=lo", "GLOO_SOCKET_IFNAME=lo")
	assert.Contains(t, []int{2, 128 + int(syscall.SIGSEGV)}, code, stderr)
	assert.Contains(t, stackOf(t, stderr), " in my_udf\n")
}
