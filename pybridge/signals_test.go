package pybridge_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/cpython"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// lines is a writer of a log, and what was written to it.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

// await prints, when all have come, the line about each of the signals.
func (l lines) await(signals ...syscall.Signal) {
	found := map[syscall.Signal]string{}
	for len(found) < len(signals) {
		line := <-l
		for _, s := range signals {
			if strings.Contains(line, "handler was changed") && strings.Contains(line, s.String()) {
				_, found[s], _ = strings.Cut(line, `was changed"`)
			}
		}
	}
	for _, s := range signals {
		fmt.Print(found[s])
	}
}

// logged is a running script that reads the bridge's log.
func logged(f func(ctx context.Context, rt *pybridge.Runtime, log lines) error) func() int {
	log := make(lines, 1024)
	return running(func(ctx context.Context, rt *pybridge.Runtime) error { return f(ctx, rt, log) },
		pybridge.WithLogger(slog.New(slog.NewTextHandler(log, nil))))
}

// installing is Python that makes a harmless C function, abs, the handler of a signal, by way of C's
// signal(), which adds no SA_ONSTACK.
const installing = `
import ctypes, signal
libc = ctypes.CDLL(None)
libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
def install(*signals):
    for s in signals: libc.signal(s, ctypes.cast(libc.abs, ctypes.c_void_p))
`

func init() {
	pythontest.Register("recover from C handlers", logged(func(ctx context.Context, rt *pybridge.Runtime, log lines) error {
		err := statements(ctx, rt, installing+"install(signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE)")
		log.await(syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE)
		faults("outside")
		return err
	}))
	pythontest.Register("give back", logged(func(ctx context.Context, rt *pybridge.Runtime, log lines) error {
		got := make(chan os.Signal, 8)
		taken := []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGURG}
		signal.Notify(got, taken...)
		before := cpython.ReadSignals()
		err := statements(ctx, rt, installing+"install(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGURG, signal.SIGPROF)")
		log.await(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGURG, syscall.SIGPROF)
		fmt.Println("as before", cpython.ReadSignals() == before)
		for _, s := range taken[:3] { // SIGURG comes at any time
			err = errors.Join(err, syscall.Kill(os.Getpid(), s.(syscall.Signal)))
			for g := range got {
				if g != syscall.SIGURG {
					fmt.Println("got", g)
					break
				}
			}
		}
		return err
	}))
	pythontest.Register("put on the signal stack", logged(func(ctx context.Context, rt *pybridge.Runtime, log lines) error {
		err := statements(ctx, rt, installing+"install(signal.SIGUSR1)")
		kept := cpython.ReadSignals()[syscall.SIGUSR1].Handler
		log.await(syscall.SIGUSR1)
		now := cpython.ReadSignals()[syscall.SIGUSR1]
		fmt.Println(now.Handler == kept, now.OnStack)
		return err
	}))
	pythontest.Register("preload takes SIGINT", logged(func(ctx context.Context, rt *pybridge.Runtime, log lines) error {
		got := make(chan os.Signal, 1)
		signal.Notify(got, syscall.SIGINT)
		err := rt.OnOwner(ctx, func(tok gil.Token) error { return rt.RunMain(tok, os.Getenv(sourceVariable), "<preload>") })
		log.await(syscall.SIGINT)
		err = errors.Join(err, syscall.Kill(os.Getpid(), syscall.SIGINT))
		fmt.Println("got", <-got)
		return err
	}))
	pythontest.Register("ignored by Go", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		signal.Ignore(syscall.SIGINT)
		return errors.Join(rt.Preload(ctx, "json"), syscall.Kill(os.Getpid(), syscall.SIGINT), rt.Preload(ctx, "decimal"))
	}))
	for name, policy := range map[string]pybridge.FinalizePolicy{"never": pybridge.FinalizeNever, "graceful": pybridge.FinalizeGraceful} {
		pythontest.Register("signals as found, finalize "+name, script(func(ctx context.Context) error {
			before := cpython.ReadSignals()
			rt, err := pybridge.Start(ctx, pybridge.WithFinalize(policy))
			if err != nil {
				return err
			}
			err = statements(ctx, rt, installing+"install(signal.SIGUSR1, signal.SIGINT, signal.SIGSEGV)\nimport faulthandler\nfaulthandler.enable()")
			err = errors.Join(err, rt.Close(ctx))
			fmt.Println("as found", cpython.ReadSignals() == before)
			faults("after")
			return err
		}))
	}
	pythontest.Register("SIGINT during a function", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		got := make(chan os.Signal, 1)
		signal.Notify(got, syscall.SIGINT)
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		defer func() { _ = r.Close() }()
		go func() {
			fmt.Println("got", <-got)
			_ = w.Close()
		}()
		return statements(ctx, rt, fmt.Sprintf("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nprint(os.read(%d, 1))\nfor _ in range(10**5): pass", r.Fd()))
	}))
	pythontest.Register("notified of SIGABRT", running(func(context.Context, *pybridge.Runtime) error {
		got := make(chan os.Signal, 1)
		signal.Notify(got, syscall.SIGABRT)
		for range 2 {
			if err := syscall.Kill(os.Getpid(), syscall.SIGABRT); err != nil {
				return err
			}
			fmt.Println("got", <-got)
		}
		return nil
	}))
	pythontest.Register("profile", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		var profile bytes.Buffer
		if err := pprof.StartCPUProfile(&profile); err != nil {
			return err
		}
		err := statements(ctx, rt, os.Getenv(sourceVariable))
		pprof.StopCPUProfile()
		unpacked, gzErr := gzip.NewReader(&profile)
		if gzErr != nil {
			return gzErr
		}
		text, gzErr := io.ReadAll(unpacked)
		fmt.Println("in the profile", bytes.Contains(text, []byte("cpython._Cfunc_cpy_call")))
		return errors.Join(err, gzErr)
	}))
	pythontest.Register("signals interrupt nothing", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		over, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			storm(over)
		}()
		err := statements(ctx, rt, os.Getenv(sourceVariable))
		close(over)
		<-stopped
		return err
	}))
}

// storm sends SIGURG to every thread of the process until over is closed.
func storm(over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		default:
		}
		signalThreads(syscall.SIGURG)
	}
}

// changed is how the log tells of a signal that abs was made the handler of.
func changed(signal, action string) string {
	return " signal=" + signal + ` by="libc.so.6: abs" action="` + action + "\"\n"
}

func TestGoRecoversFromCHandlers(t *testing.T) {
	const chained = "given back to Go; the handler is called for crashes in C code"
	assert.Equal(t, changed(`"segmentation fault"`, chained)+changed(`"bus error"`, chained)+
		changed(`"floating point exception"`, chained)+"outside true\n", runs(t, "recover from C handlers"))
}

func TestTakenSignalsAreGivenBack(t *testing.T) {
	want := ""
	for _, s := range []string{"interrupt", "terminated", "hangup", `"urgent I/O condition"`, `"profiling timer expired"`} {
		want += changed(s, "given back to Go")
	}
	want += "as before true\ngot interrupt\ngot terminated\ngot hangup\n"
	assert.Equal(t, want, runs(t, "give back"))
}

func TestForeignHandlerIsPutOnSignalStack(t *testing.T) {
	assert.Equal(t, changed(`"user defined signal 1"`, "put on the signal stack (SA_ONSTACK)")+"true true\n",
		runs(t, "put on the signal stack"))
}

// TestPreloadCannotTakeSIGINT: on Python's main thread signal.signal succeeds; Go has the signal again
// when the import is over.
func TestPreloadCannotTakeSIGINT(t *testing.T) {
	for handler, by := range map[string]string{
		"lambda *args: print('python')": "libpython", "signal.default_int_handler": "libpython",
		"signal.SIG_IGN": "by=SIG_IGN", "signal.SIG_DFL": "by=SIG_DFL",
	} {
		t.Run(handler, func(t *testing.T) {
			source := "import signal\nsignal.signal(signal.SIGINT, " + handler + ")"
			stdout := runs(t, "preload takes SIGINT", sourceVariable+"="+source)
			assert.Contains(t, stdout, "\ngot interrupt\n")
			assert.Contains(t, stdout, by)
		})
	}
}

func TestWhatGoIgnoresStaysIgnored(t *testing.T) { runs(t, "ignored by Go") }

func TestSignalsAreAsFoundAfterClose(t *testing.T) {
	for _, policy := range []string{"never", "graceful"} {
		assert.Equal(t, "as found true\nafter true\n", runs(t, "signals as found, finalize "+policy), policy)
	}
}

// TestHandlersAreForTheMainThread: Python's own errors say so.
func TestHandlersAreForTheMainThread(t *testing.T) {
	for _, call := range []string{"signal.signal(signal.SIGINT, print)", "signal.set_wakeup_fd(-1)"} {
		pythontest.With(t, func(tok gil.Token) {
			e := raised(t, tok, "import signal\n"+call)
			assert.ErrorIs(t, e, pybridge.ValueError)
			assert.Contains(t, e.Message, "main thread")
		})
	}
}

func TestSIGINTIsGos(t *testing.T) {
	assert.Equal(t, "got interrupt\nb''\n", runs(t, "SIGINT during a function"))
}

// TestNotifiedSIGABRT: the report does not end the process.
func TestNotifiedSIGABRT(t *testing.T) {
	stdout, stderr, code := pythontest.Script(t, "notified of SIGABRT")
	assert.Equal(t, 0, code, stderr)
	assert.Equal(t, "got aborted\ngot aborted\n", stdout)
	assert.Contains(t, stderr, "gopyrpc: SIGABRT, raised or sent")
}

func TestProfileDuringFunctions(t *testing.T) {
	const source = `
import threading, time
def work():
    end = time.thread_time() + 0.5
    while time.thread_time() < end: pass
t = threading.Thread(target=work)
t.start(); work(); t.join()
`
	assert.Equal(t, "in the profile true\n", runs(t, "profile", sourceVariable+"="+source))
}

// TestSignalsInterruptNothing: Go pre-empts with signals, and Python's calls go on (PEP 475).
func TestSignalsInterruptNothing(t *testing.T) {
	source := fmt.Sprintf(`
import os, socket, subprocess, sys, threading, time
start = time.monotonic()
time.sleep(0.2)
assert time.monotonic() - start >= 0.2
r, w = os.pipe()
def write():
    for _ in range(20):
        time.sleep(0.005)
        os.write(w, b"x")
t = threading.Thread(target=write)
t.start()
assert b"".join(os.read(r, 1) for _ in range(20)) == b"x" * 20
t.join()
a, b = socket.socketpair()
b.settimeout(0.05)
try:
    b.recv(1)
    raise AssertionError
except socket.timeout: pass
assert threading.Lock().acquire(timeout=1)
assert subprocess.run([%q, "-c", "print(6 * 7)"], capture_output=True).stdout == b"42\n"
with open(%q, "wb") as f: f.write(b"y" * 10**6)
`, executable(), filepath.Join(t.TempDir(), "file"))
	runs(t, "signals interrupt nothing", sourceVariable+"="+source)
}

func executable() string {
	python, _, _ := pythontest.Runtime().Interpreter()
	return python
}

// TestOwnerKeepsGosSignalStack: faulthandler installs its own, half as large, on whichever thread first
// asks it for a handler.
func TestOwnerKeepsGosSignalStack(t *testing.T) {
	const source = `
import ctypes
class Stack(ctypes.Structure):
    _fields_ = [("sp", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]
def size():
    s = Stack()
    assert ctypes.CDLL(None).sigaltstack(None, ctypes.byref(s)) == 0
    return s.size
`
	sizeOn := func(tok gil.Token) int {
		size := pythontest.Define(t, tok, source, "size")
		return as[int](t, tok, call(t, tok, size))
	}
	var here, owner int
	pythontest.With(t, func(tok gil.Token) { here = sizeOn(tok) })
	require.NoError(t, pythontest.Runtime().OnOwner(t.Context(), func(tok gil.Token) error {
		owner = sizeOn(tok)
		return nil
	}))
	assert.Equal(t, here, owner)
}
