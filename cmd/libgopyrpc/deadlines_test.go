package main_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/internal/cpython/discover"
	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

// TestDeadlines: where Python is the host, calls are interrupted at their deadlines as in a Go host, and nothing else is: not
// the program's main thread, nor threads of its own, whatever they do meanwhile.
func TestDeadlines(t *testing.T) {
	interpreters.Each(t, func(t *testing.T, found discover.Interpreter) {
		out := start(t, found.Executable, `
import threading, time
served = []
def spin():
    served.append(threading.current_thread())
    while True: pass
join(0, 1, 0)
over = threading.Event()
harmed = []
def work():
    try:
        while not over.is_set(): sum(range(1000))
    except BaseException as exc:
        harmed.append(exc)
threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads: t.start()
calls = [rpc.rpc_async("w0", spin, timeout=0.05) for _ in range(40)]
n = 0
while not all(f.done() for f in calls):
    n += sum(range(1000))
for f in calls:
    try:
        f.wait()
    except rpc.RpcTimeoutError:
        pass
over.set()
for t in threads: t.join()
assert threading.main_thread() not in served
print(len(calls), harmed, rpc.rpc_sync("w0", len, ("abc",)))
rpc.shutdown()
`).ok(t)
		assert.Equal(t, "40 [] 3\n", out)
	})
}
