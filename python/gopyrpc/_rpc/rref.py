"""RRef: a reference to a value that a worker, the owner, keeps for the group; and its proxies.

The counterpart of the proxies is ``torch.distributed.rpc.rref_proxy``.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from contextvars import ContextVar
from functools import partial
from weakref import ref

from .._exceptions.remote import _handle_exception
from .._introspect import type_name
from .._name import INTERNAL
from .._pickling.pickler import register_reducer
from .._public import public
from ..constants import UNSET_RPC_TIMEOUT as UNSET_TIMEOUT
from . import hosts
from .caller import method_of
from .calls import bound, destination, lent, name_of_function, pack, seconds, take_back, udf_of, unwrap
from .client import rpc_async, rpc_sync
from .errors import failure
from .future import Future
from .workers import WorkerInfo, name_of

# The RRefs in the request that is being read. The function is called when their owners have confirmed them.
arriving = ContextVar("arriving", default=None)


class _Reference(ref):
    """What an RRef refers to: the Host, Go's *handle*, the owner's name, the RRef's text, a Future of its type.

    An RRef object itself has no attribute that a payload, or code that a payload calls, could read or
    set: its _Reference is found by the object's identity.
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
        host = hosts.current()
        made = host.new_rref(hosts.Box(value))
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
                f"local_value() of {reference.text} on worker {reference.host.name}: the value is at"
                f" {reference.owner}. Call it there, or to_here()"
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
                reference.type = Future()
                reference.type.set_result(type(self.local_value()))
            else:
                reference.type = hosts.acting_for(
                    reference.host, rpc_async, reference.owner, _type_of_value, (self,), timeout=timeout
                )
        return reference.type.wait() if blocking else reference.type

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
        raise RuntimeError(f"{what} of {reference.text}: the agent that it belonged to has been shut down")
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
            raise RuntimeError(f"{reference.text} belongs to an agent that has been shut down")
        raise RuntimeError(f"{reference.text} is worker {reference.host.name}'s, and the call is made by worker {host.name}")
    fork = host.fork(reference.handle, to)
    if type(fork) is tuple:
        raise failure(*fork)
    return fork


def _receive_rref(fork):
    host = hosts.current()
    came = arriving.get()
    if came is not None:  # the RRef is in a request, not in a reply to a call that serving a request has made
        caller = hosts.serving.get()
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
    """Call ``func`` on a worker and leave the result there; return an RRef to it, at once."""
    host = hosts.current()
    to = name_of(host, to)
    data, tensors, forks = pack(host, to, udf_of(func, args, kwargs))
    made = host.remote(to, lent(data), tensors, seconds(host, timeout))
    if type(made) is tuple:
        take_back(host, forks, made)
        raise failure(*made, name_of_function(func), seconds(host, timeout))
    return from_handle(host, *made)


#: Special names that libraries look up on any object, to learn what kind it is. A proxy lacks
#: them: otherwise libraries would take it for the value, and to show it in a page or bind it to a
#: query would call the owner. Names that are looked up on the class alone (__index__, __fspath__) no
#: library finds by mistake; like other special methods they go to the owner.
_LOOKED_UP = frozenset(
    """
    __copy__ __deepcopy__ __replace__ __getstate__ __setstate__ __getnewargs__ __getnewargs_ex__
    __getinitargs__ __slots__
    __name__ __qualname__ __wrapped__ __signature__ __text_signature__ __partialmethod__ __func__ __self__
    __code__ __globals__ __closure__ __defaults__ __kwdefaults__ __annotations__ __annotate__ __annotate_func__
    __type_params__ __isabstractmethod__ __objclass__ __get__ __set__ __delete__ __set_name__ __no_type_check__
    __bases__ __mro__ __mro_entries__ __orig_bases__ __orig_class__ __origin__ __args__ __parameters__
    __supertype__ __match_args__ __dataclass_fields__ __members__ __methods__
    __typing_subst__ __typing_is_unpacked_typevartuple__ __typing_unpacked_tuple_args__
    __file__ __path__ __spec__ __loader__ __all__
    __cuda_array_interface__ __dlpack__ __dlpack_device__ __numpy_dtype__ __jax_array__ __dataframe__
    __torch_function__ __torch_dispatch__ __prepare_scriptable__ __cupy_get_ndarray__
    __conform__ __clause_element__ __sympy__ _sympy_ __json__ __html__ __html_format__
    _repr_html_ _repr_markdown_ _repr_latex_ _repr_svg_ _repr_png_ _repr_jpeg_ _repr_pdf_ _repr_json_
    _repr_javascript_ _repr_mimebundle_ _repr_pretty_ _ipython_display_
    """.split()
)
_LOOKED_UP_BEGINNINGS = (
    "__array", "__arrow_",  # __array__, __array_interface__, __arrow_c_array__, ...
    "__dask_",  # __dask_graph__, __dask_exprs__, __dask_tokenize__, ...
    "__pydantic_",  # __pydantic_serializer__, ...
    "__rich_",  # __rich__, __rich_console__, __rich_repr__, __rich_measure__
    "__sa_",  # of SQLAlchemy: __sa_type_engine__, ...
)


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
        if name in _LOOKED_UP or name.startswith(_LOOKED_UP_BEGINNINGS):
            raise AttributeError(name)
        return partial(self._invoke, name)

    def _invoke(self, name, /, *args, **kwargs):
        rref = self.rref
        host = rref._open_host(name)
        arguments = (rref, name, args, kwargs)
        return hosts.acting_for(host, self.rpc_api, rref.owner_name(), _call_method, arguments, timeout=self.rpc_timeout)


def _call_method(rref, name, args, kwargs):
    """Call a method of an RRef's value, at its owner."""
    return method_of(_value_of(rref), name)(*args, **kwargs)


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


register_reducer(RRef, _reduce)

public(RRef, RRefProxy, remote, _rref_typeof_on_owner, _rref_typeof_on_user)

# Their name in pickles: see internal.
_receive_rref.__module__ = _call_method.__module__ = _type_of_value.__module__ = INTERNAL
