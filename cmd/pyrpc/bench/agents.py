"""One side of a pair of workers that is measured: the same program for torch's RPC and for pyrpc's.

Usage: agents.py MODULE RANK. Rank 0 reads lines of a figure and a count, and answers each with seconds.
"""

import importlib
import operator
import os
import statistics
import sys
import time
from collections import deque

rpc = importlib.import_module(sys.argv[1])
rank = int(sys.argv[2])
MIB = 1 << 20


def echo(value):
    return value


def median_of(count, call):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def latency(count):
    return median_of(count, lambda: rpc.rpc_sync("worker1", operator.add, args=(1, 2)))


def throughput(count):
    """Seconds for each call, with 32 on their way."""
    window = deque()
    start = time.perf_counter()
    for _ in range(count):
        if len(window) == 32:
            window.popleft().wait()
        window.append(rpc.rpc_async("worker1", operator.add, args=(1, 2)))
    while window:
        window.popleft().wait()
    return (time.perf_counter() - start) / count


def bytes_1mib(count):
    data = os.urandom(MIB)
    return median_of(count, lambda: rpc.rpc_sync("worker1", echo, args=(data,)))


def tensor(size):
    import torch

    data = torch.rand(size // 4)
    return lambda count: median_of(count, lambda: rpc.rpc_sync("worker1", echo, args=(data,)))


figures = {
    "latency": lambda: latency,
    "throughput": lambda: throughput,
    "bytes_1mib": lambda: bytes_1mib,
    "tensor_1mib": lambda: tensor(MIB),
    "tensor_100mib": lambda: tensor(100 * MIB),
}


def answer():
    for line in sys.stdin:
        name, count = line.split()
        figure = figures[name]()
        figure(1)  # nothing is measured cold
        print(figure(int(count)), flush=True)


rpc.init_rpc(f"worker{rank}", rank=rank, world_size=2)
if rank == 0:
    answer()
rpc.shutdown()
