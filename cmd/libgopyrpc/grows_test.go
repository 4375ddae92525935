package main_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gopyrpc/gopyrpc/internal/interpreters"
)

// growing is a program whose workers come without a world size. Worker 2 comes again when it has left.
const growing = `
import operator, time
def until(n):
    while len(rpc.get_worker_infos()) != n: time.sleep(0.01)
    return [w.name for w in rpc.get_worker_infos()]
def come(name):
    rpc.init_rpc(name, rank=int(name[1:]), rpc_backend_options=rpc.RpcBackendOptions(init_method=sys.argv[2]))
name = sys.argv[1]
come(name)
print(rpc.rpc_sync("w0", until, args=(3,)), until(3))
print([rpc.rpc_sync(w, operator.add, args=(w.id, 10)) for w in rpc.get_worker_infos()])
kept = rpc.remote("w2", list)
kept.to_here()
rpc.rpc_sync("w0", arrive)
if name == "w2":
    rpc.shutdown()
    come("w3")
    print(rpc.rpc_sync("w1", operator.add, args=(1, 1)), until(3))
else:
    while "w3" not in until(3): pass
    print(rpc.rpc_sync("w3", operator.add, args=(1, 1)), until(3))
    try:
        rpc.rpc_sync("w2", operator.add, args=(1, 1))
    except rpc.UnknownWorker as exc:
        print("gone:", kept.owner().name)
rpc.rpc_sync("w0", arrive)
rpc.shutdown()
print("left")
`

// TestGrowingGroup: torch's dynamic groups: everybody's list is right, and calls to who has come work at once.
func TestGrowingGroup(t *testing.T) {
	python := interpreters.Find(t).Executable
	source := "import threading\narrivals = threading.Barrier(3)\ndef arrive(): arrivals.wait()\n" + growing
	for kind, method := range map[string]string{
		"tcp":  "tcp://127.0.0.1:" + freePort(t),
		"file": "file://" + filepath.Join(t.TempDir(), "store"),
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var all []*program
			for rank := range 3 {
				all = append(all, start(t, python, source, fmt.Sprint("w", rank), method))
			}
			for rank, p := range all {
				out := p.ok(t)
				assert.Contains(t, out, "['w0', 'w1', 'w2'] ['w0', 'w1', 'w2']\n[10, 11, 12]\n2 ['w0', 'w1', 'w3']\n", "worker %d", rank)
				if rank < 2 {
					assert.Contains(t, out, "gone: w2\nleft\n")
				}
			}
		})
	}
}
