"""Two workers that call each other: what make run shows of the agent. gopyrpc run -n 2 runs it.

The same program runs with torch's RPC, where `import torch.distributed.rpc as rpc` takes the place of the
first import, and torchrun that of gopyrpc run.
"""

import os
import traceback

import gopyrpc as rpc
from demo_udfs import Account, greet, withdraw

rank = int(os.environ["RANK"])


def both_greet(name):
    """Calls the worker that called: a call within a call."""
    here = rpc.get_worker_info().name
    there = rpc.rpc_sync("worker0", greet, args=(name,))
    return f"{here} heard from worker0: {there}"


def show():
    print("a call:        ", rpc.rpc_sync("worker1", greet, args=("wörld",)))
    futures = [rpc.rpc_async("worker1", pow, args=(2, n)) for n in range(8)]
    print("eight at once: ", [future.wait() for future in futures])
    print("a nested call: ", rpc.rpc_sync("worker1", both_greet, args=("ada",)))
    account = rpc.remote("worker1", Account, args=("ada", 10))
    account.rpc_sync().deposit(5)
    print("an RRef:       ", account.to_here(), "at", account.owner().name)
    try:
        rpc.rpc_sync("worker1", withdraw, args=(account.to_here(), 25))
    except ValueError:
        print("an exception:")
        traceback.print_exc(file=os.sys.stdout)


rpc.init_rpc(f"worker{rank}", rank=rank, world_size=2)
if rank == 0:
    show()
rpc.shutdown()
print("left the group together with the other, with nothing in progress")
