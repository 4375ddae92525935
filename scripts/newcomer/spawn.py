"""Workers that multiprocessing starts, by torch's spawn where torch is: the parent has no agent, its children have."""

import importlib.util
import multiprocessing
import operator
import socket

import gopyrpc as rpc

WORLD = 2


def work(rank: int, port: int) -> None:
    options = rpc.RpcBackendOptions(init_method=f"tcp://127.0.0.1:{port}")
    rpc.init_rpc(f"worker{rank}", rank=rank, world_size=WORLD, rpc_backend_options=options)
    got = rpc.rpc_sync(f"worker{1 - rank}", operator.add, args=(rank, 10))
    assert got == rank + 10, got
    rpc.shutdown()


def main() -> None:
    with socket.socket() as found:  # a port that the workers meet at
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    if importlib.util.find_spec("torch"):
        import torch.multiprocessing

        torch.multiprocessing.spawn(work, args=(port,), nprocs=WORLD)
        print("by torch.multiprocessing.spawn")
        return
    children = [multiprocessing.get_context("spawn").Process(target=work, args=(rank, port)) for rank in range(WORLD)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * WORLD
    print("by multiprocessing")


if __name__ == "__main__":
    main()
