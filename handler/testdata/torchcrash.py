"""What torch does when its handler goes while it is used. Run by python3 with the name of a case."""

import os
import sys
import threading

import livetorch
import torch.distributed.rpc as rpc
from torch._C._distributed_rpc import _cleanup_python_rpc_handler

started = threading.Event()
awaited, wake = os.pipe()


def clean():
    _cleanup_python_rpc_handler()
    return "cleaned"


class Cleaner:
    """Cleans torch's handler up when it is unpickled."""

    def __reduce__(self):
        return clean, ()


def cleaner():
    return Cleaner()


def wait():
    started.set()
    os.read(awaited, 1)


class Waker:
    """Lets `wait` go on when CPython destroys what sys has, at its end."""

    def __del__(self, write=os.write):
        write(wake, b"x")


def cleanup_in_use():
    """torch unpickles a result, then looks for an exception in it with what was cleaned up meanwhile."""
    assert rpc.rpc_sync("w0", cleaner) == "cleaned"


def exit_in_use():
    """A UDF that runs on one of torch's threads comes back when CPython is gone."""
    livetorch.kept.append(rpc.rpc_async("w0", wait))
    started.wait()
    sys.waker = Waker()


def main():
    import torch

    print(torch.__version__, flush=True)
    livetorch.join(0, 1, os.path.join(os.environ["LIVE_TORCH_DIR"], "meet"))
    globals()[sys.argv[1]]()
