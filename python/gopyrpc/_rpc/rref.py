"""RRef: a reference to a value that a worker, the owner, keeps for the group; and its proxies.

The counterpart of the proxies is ``torch.distributed.rpc.rref_proxy``.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from contextvars import ContextVar
from functools import partial
from weakref import ref

from .._exceptions.remote import _handle_exception
from .._introspect import type_name
from .._name import INTERNAL, PACKAGE
from .._pickling.pickler import register_reducer
from .._public import public
from ..constants import UNSET_RPC_TIMEOUT as UNSET_TIMEOUT
from . import hosts
from .caller import method_of
from .calls import bound, destination, lent, name_of_function, pack, seconds, take_back, udf_of, unwrap
from .client import rpc_async, rpc_sync
from .errors import failure
from .future import new
from .later import later
from .lacking import lacking
from .looked_up import is_looked_up
from .workers import WorkerInfo, name_of

# The RRefs in the request that is being read. The function is called when their owners have confirmed them.
arriving = ContextVar("arriving", default=None)


class _Reference(ref):
    """What an RRef refers to: the Host, Go's *handle*, the owner's name, the RRef's text, a Future of its type.

    *methods* are the names of those that its value is known to have.

    An RRef object itself has no attribute that a payload, or code that a payload calls, could read or
    set: its _Reference is found by the object's identity.
    """

    __slots__ = ("key", "host", "handle", "owner", "text", "type", "methods")


_references = {}  # id of an RRef -> its _Reference, as long as the RRef lives


def _bind(rref, host, handle, owner, text):
    reference = _Reference(rref, _release)
    reference.key = id(rref)
    reference.host = host
    reference.handle = handle
    reference.owner = owner
    reference.text = text
    reference.type = None
    reference.methods = set()
    _references[reference.key] = reference


def _release(reference):
    """Release the handle of an RRef object that has just died. Another object may get its id at once."""
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
        host = hosts.find()
        if host is None:
            raise RuntimeError(
                "Current RPC agent is not set! Did you initialize the RPC framework: an RRef is made by an agent."
                f" Call {PACKAGE}.init_rpc() first"
            )
        made = host.new_rref(hosts.Box(value))
        if type(made) is tuple:
            raise failure(*made)
        _bind(self, host, *made)

    def __class_getitem__(cls, item):
        return cls

    def owner(self):
        """Return the WorkerInfo of the worker that keeps the value."""
        reference = _reference(self)
        return WorkerInfo(reference.owner, reference.host.known[reference.owner])

    def owner_name(self):
        return _reference(self).owner

    def is_owner(self):
        reference = _reference(self)
        return reference.owner == reference.host.name

    def confirmed_by_owner(self):
        """Tell whether the owner knows of this RRef."""
        reference = _reference(self)
        return _open_host(reference, "confirmed_by_owner").confirmed(reference.handle)

    def to_here(self, timeout=UNSET_TIMEOUT):
        """Return a copy of the value, or at its owner the value; raise what making it raised."""
        reference = _reference(self)
        if reference.owner == reference.host.name:
            return self.local_value()
        reply = _ask(reference, "to_here", timeout, *bound(reference.owner))
        if type(reply) is tuple:
            reply = (*reply, f"to_here of {reference.text}", seconds(reference.host, timeout))
        return unwrap(reference.host, reply)

    def local_value(self):
        """Return the value itself, at its owner."""
        reference = _reference(self)
        if reference.owner != reference.host.name:
            raise RuntimeError(
                f"For {reference.text.replace('RRefId = ', 'rref_id=').replace('ForkId = ', 'fork_id=')}, can't call localValue() on user {WorkerInfo(reference.host.name, reference.host.rank)}."
                f" Call it on owner {self.owner()}, or call to_here()"
            )
        found = _open_host(reference, "local_value").local_value(reference.handle, 0)
        if type(found) is tuple:
            raise failure(*found)
        _handle_exception(found[0])
        return found[0]

    def _open_host(self, what):
        return _open_host(_reference(self), what)

    def _get_type(self, timeout=UNSET_TIMEOUT, blocking=True):
        """Return the class of the value, or where not *blocking* a Future of it."""
        reference = _reference(self)
        if reference.type is None or not reference.type.done():
            if self.is_owner():
                reference.type = new()
                reference.type.set_result(type(self.local_value()))
            else:
                reference.type = hosts.acting_for(
                    reference.host, rpc_async, reference.owner, _type_of_value, (self,), timeout=timeout
                )
        return reference.type.wait() if blocking else reference.type

    def _get_future(self):
        """Return a Future that is done when the value is there; it fails where the value could not be made in time."""
        reference = _reference(self)
        return hosts.acting_for(reference.host, rpc_async, reference.owner, _check_value, (self,), timeout=0)

    def _serialize(self):
        """Return the RRef in the form in which it travels, for the worker that the call goes to which is being pickled.

        Outside a call it raises why: RpcError where the value was never made, as nothing can be done about that.
        """
        if destination.get() is None and not _reference(self).host.closed:
            await_confirmation((self,))
        return _reduce(self)[1]

    @staticmethod
    def _deserialize(serialized):
        """Return the RRef for what `_serialize` returned at the worker that sent it. It is good for one use."""
        return _receive_rref(*serialized)

    def backward(self, dist_autograd_ctx_id=-1, retain_graph=False):
        raise lacking("distributed autograd")

    def _get_profiling_future(self, wait_for_future=True):
        raise lacking("a profiler of calls")

    def _set_profiling_future(self, future):
        raise lacking("a profiler of calls")

    def rpc_sync(self, timeout=UNSET_TIMEOUT):
        """Return a proxy: ``rref.rpc_sync().method(...)`` calls a method of the value, at its owner."""
        return self._proxy(rpc_sync, timeout)

    def rpc_async(self, timeout=UNSET_TIMEOUT):
        return self._proxy(rpc_async, timeout)

    def remote(self, timeout=UNSET_TIMEOUT):
        return self._proxy(remote, timeout)

    def _proxy(self, function, timeout):
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
        raise RuntimeError(
            f"Cannot call {what}() on it after deletion. The agent that {reference.text} belonged to has been shut down"
        )
    return reference.host


def _ask(reference, what, timeout, *bound):
    host = _open_host(reference, what)
    return getattr(host, what)(reference.handle, seconds(host, timeout), *bound)


def from_handle(host, handle, owner, text):
    rref = RRef.__new__(RRef)
    _bind(rref, host, handle, owner, text)
    return rref


def _reduce(rref):
    going = destination.get()
    if going is None:
        if _reference(rref).host.closed:
            raise _deleted(_reference(rref))
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
        if reference.host.closed:
            raise _deleted(reference)
        raise RuntimeError(f"{reference.text} is worker {reference.host.name}'s, and the call is made by worker {host.name}")
    fork = host.fork(reference.handle, to)
    if type(fork) is tuple:
        raise failure(*fork)
    return fork


def _deleted(reference):
    return RuntimeError(
        f"Cannot call fork an UserRRef after deletion. {reference.text} belongs to an agent that has been shut down"
    )


def _receive_rref(fork):
    host = hosts.current()
    came = arriving.get()
    if came is not None:  # the RRef is in a request, not in a reply to a call that serving a request has made
        caller = hosts.serving.get()
        if caller.name not in host.ids:
            host.refresh()
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
    """Wait until the owners of the RRefs have confirmed them."""
    for rref in rrefs:
        reference = _reference(rref)
        failed = reference.host.wait_confirmed(reference.handle, timeout)
        if failed is not None:
            raise failure(*failed)


def remote(to, func, args=None, kwargs=None, timeout=UNSET_TIMEOUT):
    """Call ``func`` on a worker and leave the result there; return an RRef to it, at once.

    A *timeout* that is given, in seconds, bounds how long *func* takes, too: after that it is interrupted, and to use
    the RRef is an RpcTimeoutError. The default is for sending the call alone.
    """
    host = hosts.current()
    to = name_of(host, to)
    data, tensors, forks = pack(host, to, udf_of(func, args, kwargs))
    limit = seconds(host, timeout)
    value_limit = 0 if timeout is None or timeout == UNSET_TIMEOUT else limit
    made = host.remote(to, lent(data), tensors, limit, value_limit)
    if type(made) is tuple:
        take_back(host, forks, made)
        raise failure(*made, name_of_function(func), limit)
    return from_handle(host, *made)


class RRefProxy:
    """A proxy has the methods of the RRef's value. A call of one is a call at the owner.

    Special methods are called by name, ``proxy.__len__()``: Python's own ``len(proxy)`` asks
    the class of the proxy. What every object has (``__repr__``, ``__eq__``) is the proxy's.
    ``rref``, ``rpc_api`` and ``rpc_timeout`` are the proxy's own attributes, and hide
    methods of those names, as in torch.
    """

    def __init__(self, rref, rpc_api, timeout):
        self.rref = rref
        self.rpc_api = rpc_api
        self.rpc_timeout = timeout

    def __getattr__(self, name):
        if is_looked_up(name):
            raise AttributeError(name)
        return partial(self._invoke, name)

    def _invoke(self, name, /, *args, **kwargs):
        rref = self.rref
        host = rref._open_host(name)
        if self.rpc_api is remote:  # whose failure shows at the end, if ever
            _require_method(rref, name, self.rpc_timeout)
        arguments = (rref, name, args, kwargs)
        return hosts.acting_for(host, self.rpc_api, rref.owner_name(), _call_method, arguments, timeout=self.rpc_timeout)


def _require_method(rref, name, timeout):
    """Raise AttributeError where the value of an RRef has no method of that name. Wait for the value."""
    reference = _reference(rref)
    if name not in reference.methods:
        hosts.acting_for(reference.host, rpc_sync, reference.owner, _check_value, (rref, name), timeout=timeout)
        reference.methods.add(name)


def _call_method(rref, name, args, kwargs):
    """Call a method of an RRef's value, at its owner."""
    method = method_of(_value_of(rref), name)
    return later(method, method(*args, **kwargs))


def _check_value(rref, name=None):
    """Raise what making an RRef's value has raised, and AttributeError where the value has no method *name*."""
    value = _value_of(rref)
    if name is not None:
        method_of(value, name)


def _type_of_value(rref):
    return type(_value_of(rref))


def _value_of(rref):
    """Return the value of an RRef that a peer has sent, which may have sent something else."""
    if type(rref) is not RRef:
        raise TypeError(f"expected an RRef, got {type_name(type(rref))}")
    return rref.local_value()


def _rref_typeof_on_owner(rref, blocking=True):
    """What torch's handler caches to tell an RRef's type at its owner; `_rref_typeof_on_user` elsewhere."""
    return rref._get_type(blocking=blocking)


def _rref_typeof_on_user(rref, timeout=-1.0, blocking=True):
    return rref._get_type(timeout, blocking)


def _delete_all_user_and_unforked_owner_rrefs(timeout=0):
    """Give up all RRefs that this worker has to values of others: none of them can be used any more."""
    host = hosts.current()
    for reference in list(_references.values()):
        if reference.host is host and reference.owner != host.name:
            host.release(reference.handle)


register_reducer(RRef, _reduce)

public(RRef, RRefProxy, remote, _delete_all_user_and_unforked_owner_rrefs, _rref_typeof_on_owner, _rref_typeof_on_user)

# Their name in pickles: see internal.
for _function in (_receive_rref, _call_method, _check_value, _type_of_value):
    _function.__module__ = INTERNAL
del _function
