"""Joining a group, and leaving it: init_rpc and shutdown."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from contextlib import contextmanager
from os import environ

from .._public import public
from ..constants import (
    DEFAULT_INIT_METHOD,
    DEFAULT_NUM_WORKER_THREADS,
    DEFAULT_RPC_TIMEOUT_SEC,
    DEFAULT_SHUTDOWN_TIMEOUT,
)
from . import hosts, library
from .calls import checked_seconds
from .client import collecting
from .errors import failure
from .gather import wait_all


def is_available():
    """Tell whether there is RPC here: there is."""
    return True


class BackendType:
    """There is one backend. The names are torch's, for programs that give one."""

    GOPYRPC = TENSORPIPE = "GOPYRPC"


class RpcBackendOptions:
    """``rpc_timeout`` in seconds, and ``init_method``: ``env://`` or ``tcp://host:port``.

    What TensorPipe's options have beside these is accepted, and not needed: threads
    come as calls need them, and tensors travel by way of the CPU.
    """

    def __init__(
        self,
        *,
        num_worker_threads=DEFAULT_NUM_WORKER_THREADS,
        rpc_timeout=DEFAULT_RPC_TIMEOUT_SEC,
        init_method=DEFAULT_INIT_METHOD,
        device_maps=None,
        devices=None,
        _transports=None,
        _channels=None,
    ):
        if device_maps or devices:
            raise ValueError("device maps are not supported: tensors travel by way of the CPU")
        self.num_worker_threads = num_worker_threads
        self.rpc_timeout = rpc_timeout
        self.init_method = init_method


TensorPipeRpcBackendOptions = RpcBackendOptions


def init_rpc(name=None, backend=None, rank=-1, world_size=None, rpc_backend_options=None):
    """Start this process's agent, and wait until the whole group is there.

    *rank*, *world_size* and where worker 0 is (``MASTER_ADDR``, ``MASTER_PORT``) are
    taken from the environment where they are not given, as ``gopyrpc run -n`` and
    torchrun set it; *name* is ``worker{rank}`` by default. RuntimeError if there is
    an agent; ValueError for what is missing or wrong.
    """
    hosts.refuse_in_child()
    running = hosts.find()
    if running is not None:
        raise RuntimeError(f"RPC is already initialized: this process has an agent, {running.name!r}")
    if hosts.starter() is None:
        library.load()
    start = hosts.starter()
    options = RpcBackendOptions() if rpc_backend_options is None else rpc_backend_options
    timeout = checked_seconds("rpc_timeout", getattr(options, "rpc_timeout", DEFAULT_RPC_TIMEOUT_SEC))
    address = _address(getattr(options, "init_method", None) or DEFAULT_INIT_METHOD)
    if rank is None or rank < 0:
        rank = _number("RANK", "rank")
    if world_size is None:
        world_size = _number("WORLD_SIZE", "world_size")
    if not 0 <= rank < world_size:
        raise ValueError(f"rank {rank} is not one of a group of {world_size}: ranks begin with 0")
    name = f"worker{rank}" if name is None else name
    if not isinstance(name, str):
        raise TypeError(f"a worker's name is a str, not {name!r}")
    start(name, rank, world_size, address, timeout, {})


def shutdown(graceful=True, timeout=DEFAULT_SHUTDOWN_TIMEOUT):
    """Leave the group: *graceful*, together, when nobody has anything to do; else at once.

    *timeout* in seconds bounds the waiting for the others; 0 for no bound, as they may
    have work to do for hours. A graceful shutdown that runs out of it raises an
    RpcTimeoutError that names who was waited for. One that waits for a worker which has
    ended without shutdown() raises an RpcConnectionError that names it. Either can be
    tried again, and ``shutdown(graceful=False)`` leaves without the others.
    """
    host = hosts.current()
    if hosts.serving.get() is not None:
        raise RuntimeError("shutdown() inside a call would wait for that very call: call it outside")
    failed = host.shutdown(bool(graceful), float(timeout or 0))
    if failed is not None:
        code, worker, ran, text = failed
        if graceful:
            text += "; shutdown(graceful=False) waits for nobody"
        if code == "DeadlineExceeded":
            worker = ""  # it only counts who is there; the text names who is not
        raise failure(code, worker, ran, text, "shutdown()", float(timeout or 0))


@contextmanager
def _wait_all():
    """Wait, when the block ends, for all calls that rpc_async began in it."""
    futures = []
    token = collecting.set(futures)
    try:
        yield
    finally:
        collecting.reset(token)
    wait_all(futures)


def _address(method):
    """Return "host:port" of worker 0."""
    if method.startswith("tcp://"):
        return method[len("tcp://") :].split("?")[0].rstrip("/")
    if method.split("?")[0].rstrip("/") not in ("env:", DEFAULT_INIT_METHOD):
        raise ValueError(f"init_method must be env:// or tcp://host:port, not {method!r}")
    missing = [name for name in ("MASTER_ADDR", "MASTER_PORT") if not environ.get(name)]
    if missing:
        raise ValueError(
            f"the environment has no {' and no '.join(missing)}: set them to where worker 0 is,"
            " give init_method='tcp://host:port', or run the program with gopyrpc run -n"
        )
    host = environ["MASTER_ADDR"]
    return f"[{host}]:{environ['MASTER_PORT']}" if ":" in host else f"{host}:{environ['MASTER_PORT']}"


def _number(variable, argument):
    text = environ.get(variable, "")
    if not text.isdecimal():
        raise ValueError(
            f"{argument} is not given, and the environment's {variable} is {text!r}:"
            f" pass {argument}=, or run the program with gopyrpc run -n"
        )
    return int(text)


public(init_rpc, shutdown, is_available, _wait_all, BackendType, RpcBackendOptions)
