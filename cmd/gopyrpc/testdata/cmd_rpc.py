"""What workers of the tests call."""

import gopyrpc as rpc


def whoami():
    return rpc.get_worker_info().name


def ask(worker):
    return rpc.rpc_sync(worker, whoami)


def down(depth):
    if depth == 0:
        return 0
    after = (rpc.get_worker_info().id + 1) % len(rpc.get_worker_infos())
    return 1 + rpc.rpc_sync(after, down, args=(depth - 1,), timeout=0)
