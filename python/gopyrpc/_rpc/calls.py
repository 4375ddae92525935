"""Steps that all calls have: pickling for a worker, and reading the reply."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from contextvars import ContextVar

from .._exceptions.remote import _handle_exception
from .._name import INTERNAL
from .._pickling.pickler import SCALARS, deserialize, dumps_plain, loads_alone, serialize_parts
from .._udf import PythonUDF
from .._uninterruptible import uninterruptible
from ..constants import UNSET_RPC_TIMEOUT as UNSET_TIMEOUT
from . import hosts
from .errors import failure
from .future import read_by

# The worker for which a value is being pickled, for the RRefs in the value: see rref.
destination = ContextVar("destination", default=None)


def bound(to):
    """Return the argument that has Go restrict the reply of *to* as it restricts the requests of *to*.

    It is empty unless a request of *to*, restricted, is being served: then the replies of *to* to the
    function that it has called are as restricted as its request.
    """
    caller = hosts.serving.get()
    return (True,) if caller is not None and caller.policy is not None and caller.name == to else ()


def lent(data):
    """Return *data* in the form in which Go takes it: Go copies bytes, and reads a memoryview in place."""
    if type(data) is list:
        return [memoryview(part) for part in data]
    return data if len(data) < 32768 else memoryview(data)


def udf_of(func, args, kwargs):
    if not callable(func):
        raise TypeError(f"func must be callable, not {func!r}")
    try:
        args = tuple(args) if args else ()
    except TypeError as exc:
        raise TypeError(f"args must be a tuple or list of arguments, not {type(args).__name__}: args=(x,) for one ({exc})") from exc
    try:
        kwargs = dict(kwargs) if kwargs else {}
    except (TypeError, ValueError) as exc:
        raise TypeError(f"kwargs must be a dict of names and arguments, not {type(kwargs).__name__} ({exc})") from exc
    return PythonUDF(func, args, kwargs)


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
    """Return *timeout* in seconds, 0 for none."""
    if timeout is None or timeout == UNSET_TIMEOUT:
        return host.timeout
    return checked_seconds("timeout", timeout)


def checked_seconds(name, value):
    """Return *value* as a float; raise a ValueError that calls it *name* unless it is >= 0."""
    if value is None or not float(value) >= 0:
        raise ValueError(f"{name} must be seconds >= 0, 0 for none, not {value!r}")
    return float(value)


_pickler = None


def use_pickler(pickler):
    """Have calls pickled by *pickler*, as `internal._internal_rpc_pickler` does it; None for this package's own way."""
    global _pickler
    _pickler = pickler


def pack(host, to, obj):
    """Pickle *obj* for a worker: ``(data, tensors or None, forks)``, *data* as serialize_parts gives it."""
    if _pickler is not None and type(obj) is PythonUDF:
        serialize = _pickler.serialize
    else:
        data = dumps_plain(obj)
        if data is not None:
            return data, None, ()
        serialize = serialize_parts
    forks, failures = [], []
    token = destination.set((host, to, forks, failures))
    try:
        data, tensors = serialize(obj)
    except BaseException as exc:
        for handle, fork in forks:
            host.unfork(handle, fork)
        if failures and exc.__cause__ is failures[-1]:
            raise failures[-1] from None  # the failure of an RRef, not of pickle
        raise
    finally:
        destination.reset(token)
    return data, tensors or None, forks


@uninterruptible
def take_back(host, forks, failed):
    """Undo the forks of the RRefs in a call that never ran."""
    ran = failed[2]
    if not ran:
        for handle, fork in forks:
            host.unfork(handle, fork)


def unwrap(host, reply):
    """Return the value of a reply to a call that *host* made, or raise its exception."""
    return hosts.acting_for(host, _unwrap, reply)


def _unwrap(reply):
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


read_by(unwrap)
