"""Joining a group, and leaving it."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _thread import allocate_lock
from contextlib import contextmanager

from .._public import public
from ..constants import DEFAULT_INIT_METHOD, DEFAULT_SHUTDOWN_TIMEOUT
from . import hosts, launchers, library, meeting
from .all_gather import _wait_all_workers
from .api_name import as_replaced
from .beside_torch import tell_torch
from .client import collecting
from .errors import failure
from .gather import wait_all
from .init_method import OPEN, InitMethod
from .options import checked, seconds_of, settings_of, variables


_joining = allocate_lock()


def is_available():
    """Tell whether there is RPC here: there is."""
    return True


def join_group(name, rank, world_size, options, store=None):
    """Start this process's agent; see `init_rpc`."""
    hosts.refuse_in_child()
    if not _joining.acquire(False):
        raise RuntimeError("init_rpc() is in progress on another thread of this process, which has one agent")
    try:
        _join_group(name, rank, world_size, options, store)
    finally:
        _joining.release()


def _join_group(name, rank, world_size, options, store):
    running = hosts.find()
    if running is not None:
        raise RuntimeError(f"RPC is already initialized: this process has an agent, {running.name!r}")
    if hosts.starter() is None:
        library.load()
    options = checked(options)
    settings = settings_of(options)
    place = InitMethod(options.init_method or DEFAULT_INIT_METHOD)
    rank = place.number("rank", rank, launchers.RANK)
    grows = place.is_open(world_size)
    world_size = OPEN if grows else place.number("world_size", world_size, launchers.WORLD_SIZE)
    if not grows and not 0 <= rank < world_size:
        raise ValueError(f"rank {rank} is not one of a group of {world_size}: ranks begin with 0")
    name = f"worker{rank}" if name is None else name
    if not isinstance(name, str):
        raise TypeError(f"a worker's name is a str, not {name!r}")
    me = name, rank, world_size, seconds_of(options.rpc_timeout)
    meeting.join(hosts.starter(), me, place, settings, variables(), store)
    hosts.current().threads = options.num_worker_threads
    tell_torch()


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
    wait = as_replaced(_wait_all_workers)
    if graceful and wait is not _wait_all_workers:
        wait(timeout)  # what a program has put in its place; the agents themselves need no other
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


public(shutdown, is_available, _wait_all)
