"""What all workers do together: gather an object of each, wait at a barrier, and wait for all calls of a block."""

import os
import threading

import torch
import torch.distributed.rpc as rpc
from torch.distributed.rpc.api import _all_gather, _barrier, _wait_all

heard = []
lock = threading.Lock()


def hear(name):
    with lock:
        heard.append(name)


def main():
    rank, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    rpc.init_rpc(f"worker{rank}", rank=rank, world_size=world_size)
    me = rpc.get_worker_info()
    everybody = sorted(info.name for info in rpc.api._get_current_rpc_agent().get_worker_infos())
    lines = [f"{me.name} is {me.id} of {everybody}"]

    squares = _all_gather({"rank": rank, "square": torch.full((2,), float(rank)) ** 2})
    lines.append(f"gathered: {[(name, squares[name]['square'].tolist()) for name in sorted(squares)]}")
    some = {"worker0", "worker2"}
    if me.name in some:
        lines.append(f"of two: {sorted(_all_gather(rank * 10, some).items())}")

    with _wait_all():
        for name in everybody:
            rpc.rpc_async(name, hear, args=(me.name,))
    _barrier(set(everybody))
    lines.append(f"heard: {sorted(heard)}")

    # One worker prints for all: each line is one that was gathered.
    for name, theirs in sorted(_all_gather(lines).items()):
        if rank == 0:
            print("\n".join(f"{name}: {line}" for line in theirs))
    rpc.shutdown()


if __name__ == "__main__":
    main()
