"""RRef: a reference to a value that a worker, the owner, keeps for the group."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from contextvars import ContextVar
from weakref import ref

from . import _host, _rpc
from ._name import INTERNAL
from ._pickling import register_reducer
from ._rpc_errors import failure
from ._workers import WorkerInfo

# RRefs that the request being read brought: the function waits for their confirmation.
arriving = ContextVar("arriving", default=None)


class _Reference(ref):
    """What an RRef refers to: the Host, Go's *handle*, the owner's name, what messages call it, a Future of its type.

    An RRef itself has nothing that could be read or set, by a payload or by code that one calls: what
    it refers to is found by which object it is.
    """

    __slots__ = ("key", "host", "handle", "owner", "text", "type")


_references = {}  # id of an RRef -> its _Reference, as long as the RRef lives


def _bind(rref, host, handle, owner, text):
    reference = _Reference(rref, _release)
    reference.key = id(rref)
    reference.host = host
    reference.handle = handle
    reference.owner = owner
    reference.text = text
    reference.type = None
    _references[reference.key] = reference


def _release(reference):
    """Give up what an RRef referred to, which has just died; its id may be another's next."""
    _references.pop(reference.key, None)
    if not reference.host.closed:
        reference.host.release(reference.handle)


def _reference(rref):
    found = _references.get(id(rref))
    if found is None or found() is not rref:
        raise RuntimeError(
            f"this {type(rref).__name__} refers to nothing: an RRef is made by RRef(value), by"
            " remote(), or comes as an argument or a result of a call"
        )
    return found


def _has_reference(rref):
    found = _references.get(id(rref))
    return found is not None and found() is rref


class RRef:
    """``RRef(value)`` gives a value to the group; this worker is its owner.

    The owner keeps the value as long as any worker has an RRef to it. An RRef
    travels as an argument or a result of a call, and in no other way.
    """

    __slots__ = ("__weakref__",)

    def __init__(self, value, type_hint=None):
        if _has_reference(self):
            raise RuntimeError(f"{self} has a value already")
        host = _host.current()
        made = host.new_rref(_host.Box(value))
        if type(made) is tuple:
            raise failure(*made)
        _bind(self, host, *made)

    def __class_getitem__(cls, item):
        return cls

    def owner(self):
        """Return the WorkerInfo of the worker that keeps the value."""
        reference = _reference(self)
        return WorkerInfo(reference.owner, reference.host.ids[reference.owner])

    def owner_name(self):
        return _reference(self).owner

    def is_owner(self):
        reference = _reference(self)
        return reference.owner == reference.host.name

    def confirmed_by_owner(self):
        """Tell whether the owner knows of this RRef."""
        reference = _reference(self)
        return _open_host(reference, "confirmed_by_owner").confirmed(reference.handle)

    def to_here(self, timeout=_rpc.UNSET_TIMEOUT):
        """Return a copy of the value, or at its owner the value; raise what making it raised."""
        reference = _reference(self)
        if reference.owner == reference.host.name:
            return self.local_value()
        reply = _ask(reference, "to_here", timeout, *_rpc.bound(reference.owner))
        if type(reply) is tuple:
            reply = (*reply, f"to_here of {reference.text}", _rpc.seconds(reference.host, timeout))
        return _rpc.unwrap(reply)

    def local_value(self):
        """Return the value itself, at its owner."""
        reference = _reference(self)
        if reference.owner != reference.host.name:
            raise RuntimeError(
                f"local_value() of {reference.text} on worker {reference.host.name}: the value is at"
                f" {reference.owner}. Call it there, or to_here()"
            )
        found = _open_host(reference, "local_value").local_value(reference.handle, 0)
        if type(found) is tuple:
            raise failure(*found)
        _rpc._handle_exception(found[0])
        return found[0]

    def _open_host(self, what):
        return _open_host(_reference(self), what)

    def _get_type(self, timeout=_rpc.UNSET_TIMEOUT, blocking=True):
        """Return the class of the value, or where not *blocking* a Future of it."""
        from ._future import Future
        from ._proxy import _type_of_value

        reference = _reference(self)
        if reference.type is None or not reference.type.done():
            if self.is_owner():
                reference.type = Future()
                reference.type.set_result(type(self.local_value()))
            else:
                reference.type = _rpc.rpc_async(reference.owner, _type_of_value, (self,), timeout=timeout)
        return reference.type.wait() if blocking else reference.type

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
        return _reference(self).text if _has_reference(self) else f"<{type(self).__name__} that refers to nothing>"

    __str__ = __repr__

    def __reduce__(self):
        raise RuntimeError(
            "Can not pickle rref in python pickler: an RRef travels only as an argument or a result of an RPC"
        )

    def __setstate__(self, state):
        raise TypeError("the state of an RRef cannot be set: it comes as an argument or a result of a call")


def _open_host(reference, what):
    if reference.host.closed:
        raise RuntimeError(f"{what} of {reference.text}: the agent that it belonged to has been shut down")
    return reference.host


def _ask(reference, what, timeout, *bound):
    host = _open_host(reference, what)
    return getattr(host, what)(reference.handle, _rpc.seconds(host, timeout), *bound)


def from_handle(host, handle, owner, text):
    rref = RRef.__new__(RRef)
    _bind(rref, host, handle, owner, text)
    return rref


def _reduce(rref):
    going = _rpc.destination.get()
    if going is None:
        return rref.__reduce__()
    host, to, forks, failures = going
    try:
        reference = _reference(rref)
        fork = _fork(reference, host, to)
    except Exception as exc:
        failures.append(exc)
        raise
    forks.append((reference.handle, fork))
    return _receive_rref, (fork,)


def _fork(reference, host, to):
    if reference.host is not host:
        raise RuntimeError(f"{reference.text} belongs to an agent that has been shut down")
    fork = host.fork(reference.handle, to)
    if type(fork) is tuple:
        raise failure(*fork)
    return fork


def _receive_rref(fork):
    host = _host.current()
    came = arriving.get()
    if came is not None:  # it is a request that brings it, not a reply to what serving one has asked of another
        caller = _host.serving.get()
        if caller.name not in host.ids:
            raise TypeError(f"{caller.name} is a guest here (Config.Guests, --guest), which has no RRefs to send")
    made = host.adopt(fork)
    if type(made) is tuple:
        raise failure(*made)
    rref = from_handle(host, *made)
    if came is not None:
        came.append(rref)
    return rref


def await_confirmation(rrefs, timeout=0):
    """Wait until their owners know of the RRefs."""
    for rref in rrefs:
        reference = _reference(rref)
        failed = reference.host.wait_confirmed(reference.handle, timeout)
        if failed is not None:
            raise failure(*failed)


register_reducer(RRef, _reduce)

# Its name in pickles: see internal.
_receive_rref.__module__ = INTERNAL
