"""rpc_sync and rpc_async: counterparts of those of ``torch.distributed.rpc``."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from contextvars import ContextVar
from itertools import count

from .._public import public
from .._uninterruptible import uninterruptible
from ..constants import UNSET_RPC_TIMEOUT as UNSET_TIMEOUT
from . import hosts
from .calls import bound, checked_seconds, lent, name_of_function, pack, seconds, take_back, udf_of, unwrap
from .future import Future
from .workers import name_of

# What rpc_async makes within `_wait_all`.
collecting = ContextVar("collecting", default=None)


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
    future = Future()
    ticket = next(_tickets)
    future._source = host, ticket
    limit = seconds(host, timeout)
    _waiting[ticket] = future, forks, host, func, limit
    try:
        host.call_async(ticket, to, lent(data), tensors, limit, *bound(to))
    except BaseException:
        _waiting.pop(ticket, None)
        raise
    collection = collecting.get()
    if collection is not None:
        collection.append(future)
    return future


_tickets = count(1)
_waiting = {}  # ticket -> (future, forks, host, function, its seconds)


@uninterruptible
def settle(outcomes):
    """Give futures what came for them: pairs of ticket and reply.

    Called by Go, for whoever waits for an outcome: others' come with it, and would be lost
    where that caller were interrupted in the middle. Returns the tickets of those that have callbacks, for each of which
    Go calls `run_callbacks` on a thread of its own, and the numbers of the events that
    Go sets.
    """
    busy = []
    awake = []
    for ticket, reply in outcomes:
        entry = _waiting.get(ticket)
        if entry is None:
            continue
        future, forks, host, func, limit = entry
        if type(reply) is tuple:
            if forks:
                take_back(host, forks, reply)
            reply = (*reply, name_of_function(func), limit)
        if future._deliver(reply, host, awake) or type(reply) is not tuple and _has_rrefs(reply):
            busy.append(ticket)
        else:
            del _waiting[ticket]
    return busy, awake


def run_callbacks(ticket):
    future = _waiting.pop(ticket)[0]
    future._read()
    future._run_callbacks()


def _has_rrefs(reply):
    """Tell whether there may be RRefs in a reply, which count as users until they are adopted."""
    if type(reply) is list and len(reply) == 3:
        return True  # a canonical pickle, which does not say
    data = reply if type(reply) is bytes else reply[0]
    return b"_receive_rref" in data


def get_rpc_timeout():
    """Return the seconds that calls have which say none, 0 for no end."""
    return hosts.current().timeout


def _set_rpc_timeout(seconds):
    """Change what `get_rpc_timeout` returns."""
    hosts.current().timeout = checked_seconds("the timeout", seconds)


public(rpc_sync, rpc_async, get_rpc_timeout, _set_rpc_timeout)
