"""rpc_sync and rpc_async: counterparts of those of ``torch.distributed.rpc``."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from contextvars import ContextVar

from .._public import public
from ..constants import UNSET_RPC_TIMEOUT as UNSET_TIMEOUT
from . import hosts
from .calls import bound, checked_seconds, lent, name_of_function, pack, seconds, take_back, udf_of, unwrap
from .future import new
from .pending import enter, forget
from .workers import name_of

# What rpc_async makes within `_wait_all`.
collecting = ContextVar("collecting", default=None)


class _ThreadLocal:
    """``future_list``: what `rpc_async` has made within `_wait_all`, as long as that lasts."""

    __slots__ = ()

    @property
    def future_list(self):
        futures = collecting.get()
        if futures is None:
            raise AttributeError("future_list is there within _wait_all() alone")
        return futures

    @future_list.setter
    def future_list(self, futures):
        collecting.set(futures)

    @future_list.deleter
    def future_list(self):
        collecting.set(None)


_thread_local_var = _ThreadLocal()


def rpc_sync(to, func, args=None, kwargs=None, timeout=UNSET_TIMEOUT):
    """Call ``func(*args, **kwargs)`` on a worker; return what it returns, raise what it raises.

    *to* is a name, a rank or a WorkerInfo. *timeout* in seconds, 0 for none; by
    default init_rpc's. RpcError, or a subclass, where the call had no outcome.
    """
    host = hosts.current()
    to = name_of(host, to)
    data, tensors, forks = pack(host, to, udf_of(func, args, kwargs))
    reply = host.call(to, lent(data), tensors, seconds(host, timeout), *bound(to))
    if type(reply) is tuple:
        take_back(host, forks, reply)
        reply = (*reply, name_of_function(func), seconds(host, timeout))
    return unwrap(host, reply)


def rpc_async(to, func, args=None, kwargs=None, timeout=UNSET_TIMEOUT):
    """`rpc_sync` that does not wait: returns a Future."""
    host = hosts.current()
    to = name_of(host, to)
    data, tensors, forks = pack(host, to, udf_of(func, args, kwargs))
    future = new()
    limit = seconds(host, timeout)
    ticket = enter(future, forks, host, func, limit)
    try:
        host.call_async(ticket, to, lent(data), tensors, limit, *bound(to))
    except BaseException:
        forget(ticket)
        raise
    collection = collecting.get()
    if collection is not None:
        collection.append(future)
    return future


def get_rpc_timeout():
    """Return the seconds that calls have which say none, 0 for no end."""
    return hosts.current().timeout


def _set_rpc_timeout(seconds):
    """Change what `get_rpc_timeout` returns."""
    hosts.current().timeout = checked_seconds("the timeout", seconds)


public(rpc_sync, rpc_async, get_rpc_timeout, _set_rpc_timeout)
