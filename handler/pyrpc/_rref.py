"""RRef: a reference to a value that a worker, the owner, keeps for the group."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from contextvars import ContextVar

from . import _host, _rpc
from ._pickling import register_reducer
from ._rpc_errors import failure
from ._workers import WorkerInfo

# RRefs that the request being read brought: the function waits for their confirmation.
arriving = ContextVar("arriving", default=None)


class RRef:
    """``RRef(value)`` gives a value to the group; this worker is its owner.

    The owner keeps the value as long as any worker has an RRef to it. An RRef
    travels as an argument or a result of a call, and in no other way.
    """

    __slots__ = ("_host", "_handle", "_owner", "_text", "_type", "__weakref__")

    def __init__(self, value, type_hint=None):
        host = _host.current()
        made = host.new_rref(_host.Box(value))
        if type(made) is tuple:
            raise failure(*made)
        self._take(host, *made)

    def _take(self, host, handle, owner, text):
        self._host = host
        self._handle = handle
        self._owner = owner
        self._text = text
        self._type = None

    def __class_getitem__(cls, item):
        return cls

    def __del__(self):
        host = getattr(self, "_host", None)
        if host is not None and not host.closed:
            host.release(self._handle)

    def owner(self):
        """Return the WorkerInfo of the worker that keeps the value."""
        return WorkerInfo(self._owner, self._host.ids[self._owner])

    def owner_name(self):
        return self._owner

    def is_owner(self):
        return self._owner == self._host.name

    def confirmed_by_owner(self):
        """Tell whether the owner knows of this RRef."""
        return self._open_host("confirmed_by_owner").confirmed(self._handle)

    def to_here(self, timeout=_rpc.UNSET_TIMEOUT):
        """Return a copy of the value, or at its owner the value; raise what making it raised."""
        if self.is_owner():
            return self.local_value()
        reply = self._ask("to_here", timeout)
        if type(reply) is tuple:
            reply = (*reply, f"to_here of {self}", _rpc.seconds(self._host, timeout))
        return _rpc.unwrap(reply)

    def local_value(self):
        """Return the value itself, at its owner."""
        if not self.is_owner():
            raise RuntimeError(
                f"local_value() of {self} on worker {self._host.name}: the value is at"
                f" {self._owner}. Call it there, or to_here()"
            )
        found = self._ask("local_value", 0)
        if type(found) is tuple:
            raise failure(*found)
        _rpc._handle_exception(found[0])
        return found[0]

    def _ask(self, what, timeout):
        host = self._open_host(what)
        return getattr(host, what)(self._handle, _rpc.seconds(host, timeout))

    def _open_host(self, what):
        if self._host.closed:
            raise RuntimeError(f"{what} of {self}: the agent that it belonged to has been shut down")
        return self._host

    def _get_type(self, timeout=_rpc.UNSET_TIMEOUT, blocking=True):
        """Return the class of the value, or where not *blocking* a Future of it."""
        from ._future import Future
        from ._proxy import _type_of_value

        if self._type is None or not self._type.done():
            if self.is_owner():
                self._type = Future()
                self._type.set_result(type(self.local_value()))
            else:
                self._type = _rpc.rpc_async(self._owner, _type_of_value, (self,), timeout=timeout)
        return self._type.wait() if blocking else self._type

    def rpc_sync(self, timeout=_rpc.UNSET_TIMEOUT):
        """Return a proxy: ``rref.rpc_sync().method(...)`` calls a method of the value, at its owner."""
        return self._proxy(_rpc.rpc_sync, timeout)

    def rpc_async(self, timeout=_rpc.UNSET_TIMEOUT):
        return self._proxy(_rpc.rpc_async, timeout)

    def remote(self, timeout=_rpc.UNSET_TIMEOUT):
        return self._proxy(_rpc.remote, timeout)

    def _proxy(self, function, timeout):
        from ._proxy import RRefProxy

        return RRefProxy(self, function, timeout)

    def __repr__(self):
        return self._text

    __str__ = __repr__

    def __reduce__(self):
        raise RuntimeError(
            "Can not pickle rref in python pickler: an RRef travels only as an argument or a result of an RPC"
        )

    def __setstate__(self, state):
        # A payload must not make an RRef to another value of it.
        raise TypeError("the state of an RRef cannot be set")


def from_handle(host, handle, owner, text):
    rref = RRef.__new__(RRef)
    rref._take(host, handle, owner, text)
    return rref


def _reduce(rref):
    going = _rpc.destination.get()
    if going is None:
        return rref.__reduce__()
    host, to, forks, failures = going
    try:
        fork = _fork(rref, host, to)
    except Exception as exc:
        failures.append(exc)
        raise
    forks.append((rref._handle, fork))
    return _receive_rref, (fork,)


def _fork(rref, host, to):
    if rref._host is not host:
        raise RuntimeError(f"{rref} belongs to an agent that has been shut down")
    fork = host.fork(rref._handle, to)
    if type(fork) is tuple:
        raise failure(*fork)
    return fork


def _receive_rref(fork):
    host = _host.current()
    caller = _host.serving.get()
    if caller is not None and caller.name not in host.ids:
        raise TypeError(f"{caller.name} is a guest here (Config.Guests, --guest), which has no RRefs to send")
    made = host.adopt(fork)
    if type(made) is tuple:
        raise failure(*made)
    rref = from_handle(host, *made)
    came = arriving.get()
    if came is not None:
        came.append(rref)
    return rref


def await_confirmation(rrefs, timeout=0):
    """Wait until their owners know of the RRefs."""
    for rref in rrefs:
        failed = rref._host.wait_confirmed(rref._handle, timeout)
        if failed is not None:
            raise failure(*failed)


register_reducer(RRef, _reduce)

# Its name in pickles: see internal.
_receive_rref.__module__ = "pyrpc.internal"
