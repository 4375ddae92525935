package main_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// asTorch is a program of torch.distributed.rpc: not one line of it says gopyrpc, but the first.
const asTorch = `
rpc.install_as_torch_rpc()
rpc.install_as_torch_rpc()  # once is enough

import torch
import torch.distributed.rpc as torchs
from torch.distributed.rpc import RRef, rpc_sync
from torch.distributed.rpc.api import _all_gather, _get_current_rpc_agent, _require_initialized
from torch.distributed.rpc.backend_registry import BackendType
import torch.distributed.rpc.constants, torch.distributed.rpc.internal, torch.distributed.rpc.options

assert torch.distributed.rpc is torchs is rpc and torchs.api is sys.modules["torch.distributed.rpc.api"], torchs

@_require_initialized
def names():
    return sorted(info.name for info in _get_current_rpc_agent().get_worker_infos())

def refused(function, *args):
    try:
        function(*args)
    except RuntimeError as exc:
        return str(exc)

assert "has not been initialized" in refused(names)
torchs.init_rpc("w0", backend=BackendType.TENSORPIPE, rank=0, world_size=1,
    rpc_backend_options=torchs.TensorPipeRpcBackendOptions(init_method="tcp://127.0.0.1:0"))
assert names() == ["w0"] and _all_gather(5) == {"w0": 5}
assert rpc_sync("w0", torch.add, (torch.ones(1), 1)).item() == 2
rref = torch.distributed.rpc.remote("w0", torch.ones, (2,))
assert isinstance(rref, RRef) and isinstance(rref, torch._C._distributed_rpc.PyRRef)
assert isinstance(rref._get_future(), torch._C.Future) and rref._get_future().wait() is None

from torch.distributed.nn import RemoteModule
from torch.distributed.optim import DistributedOptimizer
import torch.distributed.autograd
for asked, what in (
    (lambda: RemoteModule("w0/cpu", torch.nn.Linear, (1, 1)), "RemoteModule"),
    (lambda: DistributedOptimizer(torch.optim.SGD, [rref], lr=0.1), "DistributedOptimizer"),
    (torch.distributed.autograd.context, "distributed autograd"),
    (rref.backward, "distributed autograd"),
    (lambda: torchs.TensorPipeRpcBackendOptions(device_maps={"w0": {0: 0}}), "device maps"),
    (rref._get_profiling_future, "profiler"),
    (torchs.enable_gil_profiling, "profiler"),
):
    assert "gopyrpc does not have" in refused(asked) and what in refused(asked), (what, refused(asked))
torchs.shutdown()
print("done")
`

// TestInTheTorchRPCsPlace: programs and libraries that import torch.distributed.rpc themselves have gopyrpc, and what stands on
// torch's own RPC says that it is not there.
func TestInTheTorchRPCsPlace(t *testing.T) {
	p := start(t, withTorch(t), asTorch)
	assert.Equal(t, "done\n", p.ok(t))
	assert.Contains(t, p.err.String(), "gopyrpc: gopyrpc is in the place of torch.distributed.rpc in this process\n")
}

// besideTorch is a program that imports gopyrpc in the place of torch.distributed.rpc, and has left some calls behind.
const besideTorch = `
import torch
from torch.distributed.nn import RemoteModule
from torch.distributed.optim import DistributedOptimizer
import torch.distributed.autograd, torch.distributed.rpc

join(0, 1, 0)
for asked, what in (
    (lambda: torch.distributed.rpc.rpc_sync("w0", abs, (1,)), "RPC has not been initialized in torch.distributed.rpc: the agent of this process is gopyrpc's"),
    (lambda: DistributedOptimizer(torch.optim.SGD, [rpc.RRef(torch.ones(1))], lr=0.1), "gopyrpc does not have DistributedOptimizer"),
    (lambda: RemoteModule("w0/cpu", torch.nn.Linear, (1, 1)), "gopyrpc does not have RemoteModule yet"),
    (torch.distributed.autograd.context().__enter__, "gopyrpc does not have distributed autograd yet"),
):
    try:
        asked()
    except RuntimeError as exc:
        assert what in str(exc), exc
    else:
        raise AssertionError(what)
assert not torch.distributed.rpc._is_current_rpc_agent_set()
rpc.shutdown()
os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=sys.argv[1])
torch.distributed.rpc.init_rpc("theirs", rank=0, world_size=1)
assert torch.distributed.rpc.rpc_sync("theirs", abs, (-1,)) == 1
with torch.distributed.autograd.context():
    pass
torch.distributed.rpc.shutdown()
print("done")
`

// TestBesideTorchsRPC: what a program asks of torch's own RPC while the agent is gopyrpc's is an error that says so, and torch's
// own RPC works as ever when it is begun.
func TestBesideTorchsRPC(t *testing.T) {
	python := withTorch(t)
	assert.Equal(t, "done\n", start(t, python, besideTorch, freePort(t)).ok(t))
}

// TestWhatAChildSendsIsFoundInTheProgram: a child that multiprocessing spawned calls its main module __mp_main__, and
// python -m gopyrpc --as-torch is no such module: the program is.
func TestWhatAChildSendsIsFoundInTheProgram(t *testing.T) {
	file := write(t, "program.py", `
import multiprocessing
import sys

def note(): return "found"

theirs = sys.modules["__mp_main__"]
print(theirs.note(), hasattr(theirs, "run_as_torch"))
`)
	p := run(t, withTorch(t), "-m", "gopyrpc", "--as-torch", file)
	assert.Equal(t, "found False\n", p.ok(t))
}

// TestTooLateForTheTorchRPCsPlace: a program that has taken something of torch's RPC already would go on with that, silently.
func TestTooLateForTheTorchRPCsPlace(t *testing.T) {
	python := withTorch(t)
	for taken, named := range map[string]string{
		"import torch.distributed.rpc as theirs":   "module __main__ has imported it, or what is in it, as theirs",
		"from torch.distributed.rpc import remote": "module __main__ has imported it, or what is in it, as remote",
	} {
		p := start(t, python, taken+"\nrpc.install_as_torch_rpc()\n")
		assert.Equal(t, 1, p.ended(t))
		assert.Contains(t, p.err.String(), named)
	}
	start(t, python, "import torch, torch.distributed\nrpc.install_as_torch_rpc()\n").ok(t)
}
