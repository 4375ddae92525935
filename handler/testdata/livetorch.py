"""Both ends of a group of torch's own RPC agents: the tests import it beside our handler, and
its peer, a Python of its own, runs `peer`. Agents meet in a file and speak over loopback."""

import os
import sys
import threading
from importlib import import_module

import torch
import torch.distributed.rpc as rpc

hook = None  # a Go function of the test's
kept = []  # futures of calls that are still running
held, let_go = threading.Event(), threading.Event()


def join(rank, world, path):
    options = rpc.TensorPipeRpcBackendOptions(
        init_method="file://" + path, num_worker_threads=8, rpc_timeout=60
    )
    rpc.init_rpc(
        f"w{rank}", rank=rank, world_size=world, rpc_backend_options=options
    )


def leave(graceful):
    rpc.shutdown(graceful=graceful)


def leave_at_exit():
    import atexit

    atexit.register(rpc.shutdown, graceful=False)


# What is called, by either side.


def add(a, b):
    return a + b


def scale(tensors, factor):
    return [t * factor for t in tensors]


def value_of(rrefs):
    return sum(r.to_here() for r in rrefs)


def owned(value):
    return rpc.RRef(value)


def fail():
    raise ValueError("as asked")


def forward(to, a, b):
    return rpc.rpc_sync(to, add, args=(a, b))


def call_hook(value):
    return hook(value)


def hold():
    held.set()
    let_go.wait()


def pass_on(source, to):
    held.set()
    os.write(to, os.read(source, 1))


# What the tests do on torch's side.


def calls(to, times):
    """Call a worker in every way, and have it call back; *times* at once."""
    assert rpc.rpc_sync(to, add, args=(2, 3)) == 5
    (twice,) = rpc.rpc_sync(to, scale, args=([torch.arange(3.0)], 2))
    assert twice.tolist() == [0, 2, 4], twice
    assert rpc.rpc_sync(to, torch.add, args=(torch.ones(2), 1)).tolist() == [2, 2]
    assert rpc.rpc_sync(to, forward, args=("w0", "a", "b")) == "ab"
    try:
        rpc.rpc_sync(to, fail)
    except ValueError as exc:
        assert "as asked" in str(exc), exc
    else:
        raise AssertionError("no ValueError")
    futures = [rpc.rpc_async(to, add, args=(i, i)) for i in range(times)]
    assert [f.wait() for f in futures] == [2 * i for i in range(times)]


def hooks(times):
    """Have torch's threads call into Go."""
    futures = [rpc.rpc_async("w0", call_hook, args=(i,)) for i in range(times)]
    assert [f.wait() for f in futures] == [i + 1 for i in range(times)]


def hold_thread():
    """Keep one of torch's threads inside a Python function."""
    kept.append(rpc.rpc_async("w0", hold))
    held.wait()


def hold_until(source, to):
    """Keep one of torch's threads inside until a byte comes, which it then passes on."""
    kept.append(rpc.rpc_async("w0", pass_on, args=(source, to)))
    held.wait()


REQUESTS = {
    "numbers": lambda to: (add, (2, 3)),
    "tensors": lambda to: (scale, ([torch.arange(3.0), torch.ones(2)], 3)),
    "RRef": lambda to: (value_of, ([rpc.RRef(40), rpc.remote(to, add, (1, 1))],)),
    "RRef result": lambda to: (owned, ("mine",)),
}


def request(name, kind, to):
    """Return (bytes, tensors) as an RPC module, torch's or ours, would send them."""
    module = import_module(name)
    func, args = REQUESTS[kind](to)
    return module.serialize(module.PythonUDF(func, args, {}))


def check(name, kind, data, tensors):
    """Load a result as the module would, and say what is wrong with it, if anything."""
    result = import_module(name).deserialize(data, tensors)
    if kind == "tensors":
        result = [t.tolist() for t in result]
    if kind == "RRef result":
        result = result.is_owner(), result.local_value()
    want = {
        "numbers": 5,
        "tensors": [[0, 3, 6], [3, 3]],
        "RRef": 42,
        "RRef result": (True, "mine"),
    }[kind]
    return "" if result == want else f"{kind}: {result!r}, not {want!r}"


def peer():
    """Do what standard input says until it ends, and answer each line with one."""
    joined = False
    for line in sys.stdin:
        command, *args = line.split()
        if command == "join":
            join(1, 2, *args)
            joined = True
        elif command == "call":
            calls("w0", 10)
        elif command == "leave":
            leave(args == ["graceful"])
            joined = False
        print("done", command, flush=True)
    if joined:
        leave(False)
