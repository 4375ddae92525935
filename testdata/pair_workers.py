"""Two workers that send each other values, both ways and at the same time: `gopyrpc run -n 2` runs it.

The values are tensors where this Python can import torch, else arrays of the standard library's. Each worker prints
what it sent and checked; any difference is an AssertionError, and the status 1.
"""

import array
import os
import threading

import gopyrpc as rpc

try:
    import torch
except ImportError:  # there is none, or it was built for another Python
    torch = None

rank = int(os.environ["RANK"])
peer = f"worker{1 - rank}"
met = threading.Barrier(2)  # of this worker: its own call, and the peer's


def tensors():
    """Small and large ones, of several types, a view with strides, and one that wants its gradient."""
    whole = torch.arange(24.0).reshape(4, 6)
    return [
        torch.tensor(3),
        torch.zeros(0, 5),
        torch.arange(2**20),  # 8 MiB: through shared memory, between workers of one machine
        torch.ones(3, dtype=torch.bfloat16),
        whole.t(),
        whole[1:, ::2],
        torch.ones(2, requires_grad=True),
        [torch.tensor([True, False]), {"nested": torch.full((2, 2), 1j)}],
    ]


def arrays():
    return [array.array("d", range(n)) for n in (0, 3, 2**20)] + [bytes(2**20), bytearray(b"ab"), {1: [2, (3,)]}]


def mirror(value):
    """Waits until both workers are in the other's function, then returns what came."""
    met.wait(timeout=60)
    return value


def doubled(value):
    return value * 2


def same(a, b):
    """Whether two values are equal, and of one type, shape and layout."""
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if torch is None or not isinstance(a, torch.Tensor):
        return type(a) is type(b) and a == b
    return (
        a.dtype == b.dtype
        and a.shape == b.shape
        and a.requires_grad == b.requires_grad
        and torch.equal(a, b)
    )


def exchange(values):
    future = rpc.rpc_async(peer, mirror, (values,))
    met.wait(timeout=60)
    assert same(values, future.wait()), "what came back is not what was sent"


rpc.init_rpc(f"worker{rank}", rank=rank, world_size=2)
values = arrays() if torch is None else tensors()
exchange(values)
if torch is not None:
    shared = rpc.remote(peer, doubled, (torch.arange(5),))
    assert torch.equal(shared.to_here(), torch.arange(5) * 2)
    assert shared.rpc_sync().sum().item() == 20
rpc.shutdown()
print("exchanged", len(values), "arrays" if torch is None else "tensors and lists of them")
