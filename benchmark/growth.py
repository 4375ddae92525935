"""One worker of a group that is measured while it grows: argv[1] is torch.distributed.rpc or gopyrpc.

Rank 0 reads a line of JSON for each round, and answers with one: see `main`.
"""

import importlib
import json
import operator
import os
import sys
import time

rpc = importlib.import_module(sys.argv[1])


def calls(to, count, window):
    """Make *count* calls, *window* of them at once; return how long each took, in seconds."""
    waiting, times = [], []

    def finish():
        began, n, future = waiting.pop(0)
        assert future.wait() == n + 1
        times.append(time.perf_counter() - began)

    for n in range(count):
        if len(waiting) == window:
            finish()
        waiting.append((time.perf_counter(), n, rpc.rpc_async(to, operator.add, args=(n, 1))))
    while waiting:
        finish()
    return times


def round_of(callers, count):
    start = time.perf_counter()
    times = sorted(calls("worker1", count, callers))
    rate = count / (time.perf_counter() - start)
    return {"rate": rate, "p50": times[count // 2], "p99": times[count * 99 // 100]}


def ring(size, callers, count):
    """Have every worker call the next one, all at the same time."""
    start = time.perf_counter()
    done = [
        rpc.rpc_async(f"worker{i}", calls, args=(f"worker{(i + 1) % size}", count, callers))
        for i in range(size)
    ]
    times = sorted(t for future in done for t in future.wait())
    rate = len(times) / (time.perf_counter() - start)
    return {"rate": rate, "p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100]}


def main():
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    rpc.init_rpc(f"worker{rank}", rank=rank, world_size=size)
    if rank == 0:
        ring(size, 2, 50)  # connections are made, and caches filled
        print("ready", flush=True)
        for line in sys.stdin:
            asked = json.loads(line)
            callers, count = asked["callers"], asked["calls"]
            measured = ring(size, callers, count) if asked["ring"] else round_of(callers, count)
            print(json.dumps(measured), flush=True)
    rpc.shutdown()


if __name__ == "__main__":
    main()
