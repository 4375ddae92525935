"""What all members of the group have: functions that they call of each other, and the way in and out."""

import os

os.environ.setdefault("TP_SOCKET_IFNAME", "lo")  # torch's agents speak over the loopback interface alone

import torch
import torch.distributed.rpc as rpc

ask_go = None  # in the member that is a Go program: a function of that


def join(name, rank, size, meeting):
    options = rpc.TensorPipeRpcBackendOptions(init_method="file://" + meeting)
    rpc.init_rpc(name, rank=rank, world_size=size, rpc_backend_options=options)


def leave():
    rpc.shutdown()  # waits for the others


def price(item):
    """Have the Go program answer: this runs there, on one of torch's threads."""
    return ask_go(item)


def norm(worker, values):
    """Have torch compute at another worker."""
    return rpc.rpc_sync(worker, torch.linalg.norm, args=(torch.tensor(values),)).item()
