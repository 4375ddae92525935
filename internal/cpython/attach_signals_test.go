package cpython_test

import (
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

// guestSignals are programs that get signals while Go is a guest. Python handles them at a bytecode after they came,
// on its main thread.
var guestSignals = map[string]string{
	"SIGINT":                   "interrupted()\n",
	"SIGINT to another thread": "interrupted(lambda: on_thread(lambda: signal.pthread_kill(threading.get_ident(), signal.SIGINT)))\n",
	"SIGINT during a call": `
def interrupts():
    lib.waiting()
    os.kill(os.getpid(), signal.SIGINT)
    lib.wake()
interrupted(lambda: (on_thread(interrupts, join=False), lib.wait()))
`,
	"signal stack": `
signal.signal(signal.SIGUSR1, lambda *a: None)
signal.signal(signal.SIGINT, signal.default_int_handler)
if not left:
    for number in (signal.SIGUSR1, signal.SIGINT): # before 3.10 CPython does not ask for it
        while not lib.onStack(number): time.sleep(0.01)
interrupted()
`,
	"failed writes": `
import concurrent.futures
def fails():
    r, w = os.pipe()
    os.close(r)
    try: os.write(w, b"x")
    except BrokenPipeError: return True
    finally: os.close(w)
assert fails()
with concurrent.futures.ThreadPoolExecutor(1) as pool: assert pool.submit(fails).result()
`,
	"SIGCHLD": `
seen = []
signal.signal(signal.SIGCHLD, lambda *a: seen.append(threading.current_thread() is threading.main_thread()))
import subprocess
assert subprocess.run([sys.executable, "-I", "-c", ""]).returncode == 0
while not seen: time.sleep(0.001)
assert all(seen)
`,
	"handlers": `
for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGALRM, signal.SIGPROF, signal.SIGWINCH):
    seen = []
    signal.signal(number, lambda n, frame: seen.append((n, threading.current_thread() is threading.main_thread())))
    os.kill(os.getpid(), number)
    while not seen: time.sleep(0.001)
    assert seen == [(number, True)], seen
    signal.signal(number, signal.SIG_DFL)
`,
	"wakeup": `
import socket
signal.signal(signal.SIGUSR1, lambda *a: None)
r, w = socket.socketpair()
w.setblocking(False)
signal.set_wakeup_fd(w.fileno())
os.kill(os.getpid(), signal.SIGUSR1)
assert r.recv(1) == bytes([signal.SIGUSR1])
signal.set_wakeup_fd(-1)
`,
	"broken pipe": `
r, w = os.pipe()
os.close(r)
try:
    os.write(w, b"x")
    raise SystemExit("written")
except BrokenPipeError:
    pass
`,
}

const signalHelpers = load + `
lib.onStack.restype = ctypes.c_bool
import os, signal, threading, time
def on_thread(f, join=True):
    t = threading.Thread(target=f)
    t.start()
    if join: t.join()
def interrupted(send=lambda: os.kill(os.getpid(), signal.SIGINT)):
    try:
        send()
        while True: time.sleep(0.001)
    except KeyboardInterrupt:
        assert threading.current_thread() is threading.main_thread()
before = {n: signal.getsignal(n) for n in signal.valid_signals()}
def unchanged():
    after = {n: signal.getsignal(n) for n in signal.valid_signals()}
    assert after == before, (before, after)
`

// TestAttachLeavesSignals: the signals of a process that Python began are Python's, before Go comes, while it is
// there, and when it has left.
func TestAttachLeavesSignals(t *testing.T) {
	library := guest(t)
	interpreters.Each(t, func(t *testing.T, found discover.Interpreter) {
		for name, program := range guestSignals {
			t.Run(name, func(t *testing.T) {
				program := signalHelpers + "assert lib.attach() == 0\nunchanged()\nleft = False\n" + program +
					"assert lib.leave() == 0\nleft = True\n" + program + "print('done')\n"
				out, err := python(t, found.Executable, program, library)
				assert.NoError(t, err, out)
				assert.Equal(t, "done\n", out)
			})
		}
	})
}

// TestAttachLeavesDefaults: a signal that nobody handles ends the process, with its own status.
func TestAttachLeavesDefaults(t *testing.T) {
	library := guest(t)
	interpreters.Each(t, func(t *testing.T, found discover.Interpreter) {
		for _, number := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
			t.Run(number.String(), func(t *testing.T) {
				program := signalHelpers + "assert lib.attach() == 0\nimport sys\n" +
					"os.kill(os.getpid(), " + map[syscall.Signal]string{
					syscall.SIGTERM: "signal.SIGTERM", syscall.SIGHUP: "signal.SIGHUP", syscall.SIGINT: "signal.SIGINT",
				}[number] + ")\nwhile True: time.sleep(0.001)\n"
				out, err := python(t, found.Executable, program, library)
				var exit *exec.ExitError
				require.ErrorAs(t, err, &exit, out)
				status, _ := exit.Sys().(syscall.WaitStatus)
				assert.Equal(t, number, status.Signal(), "%v\n%s", err, out)
				if number == syscall.SIGINT {
					assert.Contains(t, out, "KeyboardInterrupt")
				}
			})
		}
	})
}
