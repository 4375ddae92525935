"""rpc_sync, rpc_async and remote: counterparts of those of ``torch.distributed.rpc``."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from contextvars import ContextVar
from itertools import count

from . import _future, _host
from ._future import Future
from ._name import INTERNAL
from ._pickling import SCALARS, deserialize, dumps_plain, loads_alone, serialize_parts
from ._remote import _handle_exception
from ._rpc_errors import failure
from ._udf import PythonUDF
from ._workers import name_of
from .constants import UNSET_RPC_TIMEOUT as UNSET_TIMEOUT

# To which worker what is being pickled goes, for the RRefs in it: see _rref.
destination = ContextVar("destination", default=None)
# What rpc_async makes within `_wait_all`.
collecting = ContextVar("collecting", default=None)


def rpc_sync(to, func, args=None, kwargs=None, timeout=UNSET_TIMEOUT):
    """Call ``func(*args, **kwargs)`` on a worker; return what it returns, raise what it raises.

    *to* is a name, a rank or a WorkerInfo. *timeout* in seconds, 0 for none; by
    default init_rpc's. RpcError, or a subclass, where the call had no outcome.
    """
    host = _host.current()
    to = name_of(host, to)
    data, tensors, forks = pack(host, to, udf_of(func, args, kwargs))
    reply = host.call(to, lent(data), tensors, seconds(host, timeout), *bound(to))
    if type(reply) is tuple:
        take_back(host, forks, reply)
        reply = (*reply, name_of_function(func), seconds(host, timeout))
    return unwrap(reply)


def rpc_async(to, func, args=None, kwargs=None, timeout=UNSET_TIMEOUT):
    """`rpc_sync` that does not wait: returns a Future."""
    host = _host.current()
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


def remote(to, func, args=None, kwargs=None, timeout=UNSET_TIMEOUT):
    """Call ``func`` on a worker and leave the result there; return an RRef to it, at once."""
    from ._rref import from_handle

    host = _host.current()
    to = name_of(host, to)
    data, tensors, forks = pack(host, to, udf_of(func, args, kwargs))
    made = host.remote(to, lent(data), tensors, seconds(host, timeout))
    if type(made) is tuple:
        take_back(host, forks, made)
        raise failure(*made, name_of_function(func), seconds(host, timeout))
    return from_handle(host, *made)


def bound(to):
    """Return the argument by which Go holds the reply of a worker to the list that the worker is being served under.

    Nothing where there is none. What a restricted worker says to the function that it
    has called is as restricted as its call.
    """
    caller = _host.serving.get()
    return (True,) if caller is not None and caller.policy is not None and caller.name == to else ()


def lent(data):
    """Return what Go takes *data* as: bytes are copied, the memory of a view is looked at."""
    if type(data) is list:
        return [memoryview(part) for part in data]
    return data if len(data) < 32768 else memoryview(data)


_tickets = count(1)
_waiting = {}  # ticket -> (future, forks, host, function, its seconds)


def settle(outcomes):
    """Give futures what came for them: pairs of ticket and reply.

    Called by Go. Returns the tickets of those that have callbacks, for each of which
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


def udf_of(func, args, kwargs):
    if not callable(func):
        raise TypeError(f"func must be callable, not {func!r}")
    return PythonUDF(func, tuple(args) if args else (), dict(kwargs) if kwargs else {})


def name_of_function(func):
    """Return how errors name *func*, whatever kind of callable it is."""
    name = getattr(func, "__qualname__", None)
    module = getattr(func, "__module__", None)
    if type(name) is not str or type(module) is not str:
        return type(func).__qualname__
    if module == INTERNAL:
        return "a method of an RRef's value"
    return name if module == "builtins" else f"{module}.{name}"


def seconds(host, timeout):
    """Return *timeout* as Go takes it: 0 for no end."""
    if timeout is None or timeout == UNSET_TIMEOUT:
        return host.timeout
    return checked_seconds("timeout", timeout)


def checked_seconds(name, value):
    """Return *value* as a float; raise a ValueError that calls it *name* unless it is >= 0."""
    if value is None or not float(value) >= 0:
        raise ValueError(f"{name} must be seconds >= 0, 0 for none, not {value!r}")
    return float(value)


def get_rpc_timeout():
    """Return the seconds that calls have which say none, 0 for no end."""
    return _host.current().timeout


def _set_rpc_timeout(seconds):
    """Change what `get_rpc_timeout` returns."""
    _host.current().timeout = checked_seconds("the timeout", seconds)


def pack(host, to, obj):
    """Pickle *obj* for a worker: ``(data, tensors or None, forks)``, *data* as serialize_parts gives it."""
    data = dumps_plain(obj)
    if data is not None:
        return data, None, ()
    forks, failures = [], []
    token = destination.set((host, to, forks, failures))
    try:
        data, tensors = serialize_parts(obj)
    except BaseException as exc:
        for handle, fork in forks:
            host.unfork(handle, fork)
        if failures and exc.__cause__ is failures[-1]:
            raise failures[-1] from None  # an RRef's own failure, and not pickle's
        raise
    finally:
        destination.reset(token)
    return data, tensors or None, forks


def take_back(host, forks, failed):
    """Undo the forks of RRefs that were to travel with a call that never ran."""
    ran = failed[2]
    if not ran:
        for handle, fork in forks:
            host.unfork(handle, fork)


def unwrap(reply):
    """Return the value of a reply, or raise what it stands for."""
    kind = type(reply)
    if kind is tuple:
        raise failure(*reply)
    if kind is list:
        result = deserialize(*reply) if len(reply) == 2 else reply[2].load(*reply[:2])
    else:
        result = loads_alone(reply)
    if type(result) not in SCALARS:
        _handle_exception(result)
    return result


_future.read_by(unwrap)
