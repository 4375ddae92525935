package pybridge_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/internal/pythontest"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

// failedWrites are Python functions whose writes fail, with a signal, on the thread that calls them.
const failedWrites = `
import os, resource, signal, socket, subprocess, sys, tempfile, threading
from concurrent.futures import ThreadPoolExecutor

def to_pipe():
    r, w = os.pipe()
    os.close(r)
    os.write(w, b"x")

def to_socket():
    a, b = socket.socketpair()
    b.close()
    for _ in range(2): a.sendall(b"x")

def beyond_limit():
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    with tempfile.TemporaryFile() as f:
        for _ in range(2): f.write(b"x" * 10); f.flush()

def outcome(f):
    try: return repr(f())
    except OSError as exc: return type(exc).__name__ + " " + os.strerror(exc.errno)

def in_thread(f):
    got = []
    t = threading.Thread(target=lambda: got.append(outcome(f)))
    t.start(); t.join()
    return got[0]

def in_pool(f):
    with ThreadPoolExecutor(1) as pool: return pool.submit(outcome, f).result()

for f in (to_pipe, to_socket, beyond_limit):
    print(f.__name__, [run(f) for run in (outcome, in_thread, in_pool)], flush=True)
`

// dispositions prints what a program that it runs has of ignored and blocked signals, but for what this process was
// started with, as under nohup, and for signals 32 and 33, which glibc's posix_spawn ignores where they had handlers.
const dispositions = `
import os, signal, subprocess, sys
command = ["/bin/sh", "-c", "grep -E 'Sig(Ign|Blk)' /proc/self/status"]
def masks(text): return {line.split()[0]: int(line.split()[1], 16) for line in text.splitlines()}
inherited = masks(subprocess.check_output(["grep", "SigIgn", "/proc/%d/status" % os.getpid()], text=True))["SigIgn:"]
inherited &= ~(1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1)
def show(text): print(sorted({mask & ~inherited & ~(3 << 31) for mask in masks(text).values()}), flush=True)
show(subprocess.check_output(command, text=True))
show(subprocess.check_output(command, text=True, restore_signals=False))
r, w = os.pipe()
os.waitpid(os.posix_spawn(command[0], command, {}, file_actions=[(os.POSIX_SPAWN_DUP2, w, 1)]), 0)
os.close(w)
show(open(r).read())
show(os.popen(command[2]).read())
`

func init() {
	pythontest.Register("failed writes", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		return statements(ctx, rt, failedWrites)
	}))
	pythontest.Register("failed writes, and Go listens", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		got := make(chan os.Signal, 1)
		signal.Notify(got, syscall.SIGPIPE)
		err := statements(ctx, rt, failedWrites)
		r, w, pipeErr := os.Pipe()
		if err = errors.Join(err, pipeErr, r.Close()); err != nil {
			return err
		}
		for len(got) > 0 {
			<-got
		}
		_, err = w.Write([]byte("x"))
		fmt.Println(errors.Is(err, syscall.EPIPE), <-got)
		return nil
	}))
	pythontest.Register("children of a Go program", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		out, err := exec.Command("/bin/sh", "-c", "grep -E 'Sig(Ign|Blk)' /proc/self/status").Output()
		return errors.Join(err, statements(ctx, rt, dispositions+fmt.Sprintf("show(%q)\n", out)))
	}))
	pythontest.Register("closed standard output", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		r, w, err := os.Pipe()
		if err = errors.Join(err, unix.Dup2(int(w.Fd()), 1), w.Close(), r.Close()); err != nil {
			return err
		}
		err = statements(ctx, rt, `
import os, threading
def write():
    try: os.write(1, b"x")
    except BrokenPipeError: os.write(2, b"python's was told\n")
t = threading.Thread(target=write)
t.start(); t.join()
`)
		_, writeErr := os.Stdout.Write([]byte("x"))
		fmt.Fprintln(os.Stderr, "Go's write came back:", writeErr)
		return err
	}))
	pythontest.Register("failed writes in a child of fork", running(func(ctx context.Context, rt *pybridge.Runtime) error {
		return statements(ctx, rt, failedWrites+`
pid = os.fork()
if pid == 0:
    print("child", in_thread(to_pipe), flush=True)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
`)
	}, pybridge.WithFork(true)))
}

const failedWritesAsPython = `to_pipe ['BrokenPipeError Broken pipe', 'BrokenPipeError Broken pipe', 'BrokenPipeError Broken pipe']
to_socket ['BrokenPipeError Broken pipe', 'BrokenPipeError Broken pipe', 'BrokenPipeError Broken pipe']
beyond_limit ['OSError File too large', 'OSError File too large', 'OSError File too large']
`

// TestFailedWrites: SIGPIPE and SIGXFSZ end nothing, on whatever thread, and the write raises, as in plain Python.
func TestFailedWrites(t *testing.T) {
	assert.Equal(t, failedWritesAsPython, runs(t, "failed writes"))
}

// TestFailedWrites_notified: a program that listens for SIGPIPE still hears of its own.
func TestFailedWrites_notified(t *testing.T) {
	assert.Equal(t, failedWritesAsPython+"true broken pipe\n", runs(t, "failed writes, and Go listens"))
}

// TestFailedWrites_children: programs that Go and Python run have every signal as usual.
func TestFailedWrites_children(t *testing.T) {
	assert.Equal(t, strings.Repeat("[0]\n", 5), runs(t, "children of a Go program"))
}

// TestFailedWrites_standardOutput: a Go program whose own write to a closed standard output ends it is ended by that.
func TestFailedWrites_standardOutput(t *testing.T) {
	_, stderr, code := pythontest.Script(t, "closed standard output")
	assert.Equal(t, 128+int(syscall.SIGPIPE), code)
	assert.Equal(t, "python's was told\n", stderr)
}

// TestFailedWrites_fork: a child of fork is as one of plain Python.
func TestFailedWrites_fork(t *testing.T) {
	assert.Equal(t, failedWritesAsPython+"child BrokenPipeError Broken pipe\n", runs(t, "failed writes in a child of fork"))
}

// TestFailedWrites_manyThreads: in the test's own process, whose threads are Go's and Python's.
func TestFailedWrites_manyThreads(t *testing.T) {
	pythontest.With(t, func(tok gil.Token) {
		results := pythontest.Define(t, tok, `
import os, threading
results = []
def write():
    r, w = os.pipe()
    os.close(r)
    try:
        for _ in range(50):
            try: os.write(w, b"x")
            except BrokenPipeError: results.append(1)
    finally: os.close(w)
threads = [threading.Thread(target=write) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
results = len(results)
`, "results")
		assert.Equal(t, 400, as[int](t, tok, results))
	})
}
