"""mp.spawn: the program starts its workers itself, one group after the other, and catches what remote functions raise."""

import os

import torch
import torch.distributed.rpc as rpc
import torch.multiprocessing as mp




def checked_sum(x, limit):
    total = x.sum().item()
    if total > limit:
        raise ValueError(f"{total} is more than {limit}")
    return total


def neighbour(rank, world_size):
    return f"worker{(rank + 1) % world_size}"


def relay(x, hops, world_size):
    """Add one, and hand on."""
    if hops == 0:
        return x
    return rpc.rpc_sync(neighbour(rpc.get_worker_info().id, world_size), relay, args=(x + 1, hops - 1, world_size))


def run(rank, world_size, results):
    options = rpc.TensorPipeRpcBackendOptions(
        init_method=f"tcp://127.0.0.1:{os.environ['MASTER_PORT']}", num_worker_threads=8, rpc_timeout=30
    )
    rpc.init_rpc(f"worker{rank}", rank=rank, world_size=world_size, rpc_backend_options=options)
    to = neighbour(rank, world_size)
    lines = [f"relayed: {rpc.rpc_sync(to, relay, args=(torch.zeros(2), 2 * world_size, world_size)).tolist()}"]
    lines.append(f"added: {rpc.rpc_sync(to, torch.add, args=(torch.ones(2), rank)).tolist()}")
    lines.append(f"checked: {rpc.rpc_sync(to, checked_sum, args=(torch.ones(3), 10))}")
    try:
        rpc.rpc_sync(to, checked_sum, args=(torch.ones(3), rank))
    except ValueError as exc:
        lines.append(f"{type(exc).__name__}: {'more than' in str(exc)}")
    results.put((world_size, rank, lines))
    rpc.shutdown()


def main():
    for world_size in (2, 3):
        results = mp.get_context("spawn").SimpleQueue()
        mp.spawn(run, args=(world_size, results), nprocs=world_size)
        for _, rank, lines in sorted(results.get() for _ in range(world_size)):
            print("\n".join(f"worker{rank} of {world_size}: {line}" for line in lines))


if __name__ == "__main__":
    main()
