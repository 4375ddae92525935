"""One side of a comparison of two RPC modules: argv[1] is torch.distributed.rpc or gopyrpc,
argv[2] the figure.

Two processes of this script are a group. Rank 0 measures: each line "round" that it reads it
answers with a line of JSON, the value of one round, and at the end of its input the group ends.
"""

import importlib
import json
import operator
import os
import sys
import time
from statistics import median

MIB = 1 << 20
WINDOW = 32
LATENCY_CALLS = 300
WINDOW_CALLS = 1500
TURNS = 5
BARE = ("latency_bare",)  # measured without torch


def echo(value):
    return value


def latency(rpc):
    times = []
    for _ in range(LATENCY_CALLS):
        start = time.perf_counter()
        result = rpc.rpc_sync("worker1", operator.add, args=(1, 2))
        times.append(time.perf_counter() - start)
        assert result == 3, result
    return median(times)


def async_wait(rpc):
    times = []
    for _ in range(LATENCY_CALLS):
        start = time.perf_counter()
        result = rpc.rpc_async("worker1", operator.add, args=(1, 2)).wait()
        times.append(time.perf_counter() - start)
        assert result == 3, result
    return median(times)


def throughput(rpc):
    """Calls per second with a window that slides: one more goes out when the oldest is answered."""
    futures = []
    start = time.perf_counter()
    for n in range(WINDOW_CALLS):
        if len(futures) == WINDOW:
            futures.pop(0).wait()
        futures.append(rpc.rpc_async("worker1", operator.add, args=(n, 1)))
    for future in futures:
        last = future.wait()
    assert last == WINDOW_CALLS, last
    return WINDOW_CALLS / (time.perf_counter() - start)


def echoed(rpc, value, calls):
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        result = rpc.rpc_sync("worker1", echo, args=(value,))
        times.append(time.perf_counter() - start)
        assert len(result) == len(value)
    return median(times)


def measurement(rpc, torch, figure):
    """Return the function that makes one round of a figure."""
    return {
        "latency": lambda: latency(rpc),
        "latency_bare": lambda: latency(rpc),
        "async_torch": lambda: torch_over_plain(lambda: async_wait(rpc)),
        "async_torch_w32": lambda: torch_over_plain(lambda: 1 / throughput(rpc)),
        "throughput_w32": lambda: throughput(rpc),
        "bytes_1mib": lambda: echoed(rpc, bytes(MIB), 5),
        "tensor_1mib": lambda: echoed(rpc, torch.ones(MIB // 4), 10),
        "tensor_100mib": lambda: echoed(rpc, torch.ones(100 * MIB // 4), 1),
    }[figure]


def torch_over_plain(measure):
    """Return the time with futures that are torch's over that with plain ones, in turns in one process."""
    from gopyrpc._rpc import future

    ratios = []
    kinds = type(future.Future()), future.PlainFuture
    for _ in range(TURNS):
        times = []
        for kind in kinds:
            future._torch_class = kind
            times.append(measure())
        ratios.append(times[0] / times[1])
    future._torch_class = kinds[0]
    return median(ratios)


def main():
    figure = sys.argv[2]
    torch = None
    if figure not in BARE:
        import torch

        torch.set_num_threads(1)
    rpc = importlib.import_module(sys.argv[1])
    rank = int(os.environ["RANK"])
    rpc.init_rpc(f"worker{rank}", rank=rank, world_size=2)
    if rank == 0:
        measure = measurement(rpc, torch, figure)
        measure()  # connections are made, and caches filled
        print("ready", flush=True)
        for _ in sys.stdin:
            print(json.dumps(measure()), flush=True)
    rpc.shutdown()


if __name__ == "__main__":
    main()
