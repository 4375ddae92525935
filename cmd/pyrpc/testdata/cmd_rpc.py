"""What workers of the tests call."""

import pyrpc as rpc


def whoami():
    return rpc.get_worker_info().name


def ask(worker):
    return rpc.rpc_sync(worker, whoami)
