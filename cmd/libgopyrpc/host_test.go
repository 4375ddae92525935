package main_test

import (
	"fmt"
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

// freePort is a port of 127.0.0.1 that nobody else is given before the test ends (see [launch.KeepPort]).
func freePort(t *testing.T) string {
	t.Helper()
	socket, port, err := launch.KeepPort()
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Close(socket) })
	return strconv.Itoa(port)
}

// group runs a program as a group, and returns what each wrote.
func group(t *testing.T, python, source string, world int) []string {
	t.Helper()
	port := freePort(t)
	var all []*program
	for rank := range world {
		all = append(all, start(t, python, source, fmt.Sprint(rank), fmt.Sprint(world), port))
	}
	var out []string
	for _, p := range all {
		out = append(out, p.ok(t))
	}
	return out
}

// TestHost: calls among plain python3 processes of every version, and what is Python's own.
func TestHost(t *testing.T) {
	interpreters.Each(t, func(t *testing.T, found discover.Interpreter) {
		python := found.Executable
		t.Run("calls", func(t *testing.T) {
			out := group(t, python, `
import operator
import threading
assert threading.active_count() == 1, "the import starts no thread"
assert not os.path.exists("/proc/self/task") or len(os.listdir("/proc/self/task")) == 1, "nor does it start one of Go's"
join(rank, world, port)
other = f"w{1 - rank}"
print(rpc.rpc_sync(other, operator.add, args=(rank, 10)))
print(rpc.rpc_async(other, len, args=("abc",)).wait())
print(rpc.remote(other, list, args=((1, 2),)).to_here())
try:
    rpc.rpc_sync(other, operator.truediv, args=(1, 0))
except ZeroDivisionError as exc:
    print(type(exc).__name__)
rpc.shutdown()
join(rank, world, port + 0)
print(rpc.rpc_sync(other, operator.add, args=(1, 1)))
rpc.shutdown()
`, 2)
			for rank := range 2 {
				assert.Equal(t, fmt.Sprintf("%d\n3\n[1, 2]\nZeroDivisionError\n2\n", 10+rank), out[rank])
			}
		})
		t.Run("an end without shutdown", func(t *testing.T) {
			for end, status := range map[string]int{"": 0, "sys.exit(3)": 3, "raise SystemExit(4)": 4} {
				p := start(t, python, "join(0, 1, 0)\nkept = rpc.remote('w0', list)\nprint(kept.to_here(), flush=True)\n"+end+"\n")
				assert.Equal(t, status, p.ended(t), "%s", &p.err)
				assert.Equal(t, "[]\n", p.out.String())
				assert.Empty(t, p.err.String())
			}
		})
		t.Run("an end with calls in progress", func(t *testing.T) {
			p := start(t, python, `
import threading, time
inside = threading.Semaphore(0)
def spin():
    inside.release()
    while True: sum(range(100))
def sleep():
    inside.release()
    time.sleep(1000)
def compute():  # in C, with the GIL given up and taken again and again
    import hashlib
    data = bytes(1 << 20)
    inside.release()
    while True: hashlib.sha256(data).digest()
join(0, 1, 0)
kept = [rpc.rpc_async("w0", f, timeout=0) for f in (spin, sleep, compute) * 3]
for _ in kept: inside.acquire()
print("out", flush=True)
sys.exit(7)
`)
			assert.Equal(t, 7, p.ended(t), "%s", &p.err)
			assert.Equal(t, "out\n", p.out.String())
		})
		t.Run("a child that was forked", func(t *testing.T) {
			p := start(t, python, `
import operator, os
import warnings
warnings.simplefilter("ignore")
join(0, 1, 0)
r = rpc.remote("w0", list)
r.to_here()
child = os.fork()
if child == 0:
    for f in (lambda: rpc.rpc_sync("w0", operator.add, args=(1, 2)), r.to_here, lambda: rpc.init_rpc("again", rank=0, world_size=1), rpc.shutdown):
        try:
            f()
        except RuntimeError as exc:
            print(str(exc), flush=True)
    del r
    sys.exit(5)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(rpc.rpc_sync("w0", operator.add, args=(1, 2)))
rpc.shutdown()
`)
			out := p.ok(t)
			assert.Equal(t, 4, strings.Count(out, "spawn"), out)
			assert.True(t, strings.HasSuffix(out, "5\n3\n"), out)
		})
		t.Run("multiprocessing", func(t *testing.T) {
			out := start(t, python, `
import multiprocessing as mp, operator
def child(rank, port):
    join(rank, 2, port)
    print(rpc.rpc_sync(f"w{1 - rank}", operator.add, args=(rank, 10)), flush=True)
    rpc.shutdown()
if __name__ == "__main__":
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    context = mp.get_context("spawn")
    children = [context.Process(target=child, args=(r, port)) for r in range(2)]
    for c in children: c.start()
    for c in children: c.join()
    print([c.exitcode for c in children])
`).ok(t)
			assert.Contains(t, out, "10\n")
			assert.Contains(t, out, "11\n")
			assert.Contains(t, out, "[0, 0]\n")
		})
		t.Run("signals", func(t *testing.T) {
			p := start(t, python, `
import signal, threading, time
join(0, 1, 0)
got = []
signal.signal(signal.SIGUSR1, lambda *_: got.append("usr1"))
os.kill(os.getpid(), signal.SIGUSR1)
print(got, threading.current_thread() is threading.main_thread())
rpc.shutdown()
signal.raise_signal(signal.SIGTERM)
`)
			assert.Equal(t, -int(syscall.SIGTERM), p.ended(t), "%s", &p.err)
			assert.Equal(t, "['usr1'] True\n", p.out.String())
		})
	})
}

// TestInterrupted: Ctrl-C ends whatever the main thread waits for in Go, as it ends time.sleep.
func TestInterrupted(t *testing.T) {
	python := interpreters.Find(t).Executable
	const inGroup = "join(0, 1, 0)\nimport time\ndef slow(): say(); time.sleep(1000)\n"
	for name, source := range map[string]string{
		"init_rpc":  "say()\njoin(0, 2, 0)\n",
		"rpc_sync":  inGroup + "rpc.rpc_sync('w0', slow, timeout=0)\n",
		"wait":      inGroup + "f = rpc.rpc_async('w0', slow, timeout=0)\nf.wait()\n",
		"wait_all":  inGroup + "f = rpc.rpc_async('w0', slow, timeout=0)\nrpc.wait_all([f])\n",
		"to_here":   inGroup + "r = rpc.remote('w0', slow, timeout=0)\nr.to_here(timeout=0)\n",
		"shutdown":  inGroup + "f = rpc.rpc_async('w0', slow, timeout=0)\nrpc.shutdown()\n",
		"a handler": inGroup + "import signal\nsignal.signal(signal.SIGINT, lambda *_: sys.exit(9))\nrpc.rpc_sync('w0', slow, timeout=0)\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, python, "def say(): print('waiting', flush=True)\n"+source)
			p.signalWhenWaiting(t, syscall.SIGINT)
			status := p.ended(t)
			if name == "a handler" {
				assert.Equal(t, 9, status, "%s", &p.err)
				return
			}
			assert.Equal(t, -int(syscall.SIGINT), status, "%s", &p.err)
			assert.Contains(t, p.err.String(), "KeyboardInterrupt")
		})
	}
}

// TestLibrary_isNotThere: what to do is said, and the import works.
func TestLibrary_isNotThere(t *testing.T) {
	found := interpreters.Find(t)
	p := run(t, found.Executable, "-c", `
import gopyrpc._rpc.library as library
library.FILE = "libgopyrpc-none.so"
import gopyrpc
try:
    gopyrpc.init_rpc("w0", rank=0, world_size=1)
except RuntimeError as exc:
    print(exc)
`)
	assert.Contains(t, p.ok(t), "pip install gopyrpc")
}

// TestLibrary_ofAnotherVersion: files and library that do not belong together are an ImportError.
func TestLibrary_ofAnotherVersion(t *testing.T) {
	found := interpreters.Find(t)
	p := run(t, found.Executable, "-c", `
import gopyrpc
gopyrpc.__version__ = "0.0.1"
try:
    gopyrpc.init_rpc("w0", rank=0, world_size=1)
except ImportError as exc:
    print(exc)
`)
	assert.Contains(t, p.ok(t), "Python files are of version 0.0.1 and its library")
}
