"""Calls of methods of an RRef's value. Counterpart of ``torch.distributed.rpc.rref_proxy``."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from functools import partial

from ._name import INTERNAL
from ._safe import type_name

#: Special names that libraries look up on any object, to learn what it is. A proxy lacks
#: them, or it would be taken for what it stands for, and showing it in a page or binding it to a
#: query would call the owner. What is looked up on the class alone (__index__, __fspath__) no
#: library finds by mistake: like other special methods these go to the owner.
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
    """Has the methods of the RRef's value; calling one calls it at the owner.

    Special methods are called by name, ``proxy.__len__()``: Python's own ``len(proxy)`` asks
    the class of the proxy. What every object has (``__repr__``, ``__eq__``) is the proxy's.
    ``rref``, ``rpc_api`` and ``rpc_timeout`` are its own attributes, which hide
    methods of those names, as torch's do.
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
        rref._open_host(name)
        return self.rpc_api(
            rref.owner_name(), _call_method, (rref, name, args, kwargs), timeout=self.rpc_timeout
        )


def _call_method(rref, name, args, kwargs):
    """Call a method of an RRef's value, at its owner."""
    from ._serve import method_of

    return method_of(_value_of(rref), name)(*args, **kwargs)


def _type_of_value(rref):
    return type(_value_of(rref))


def _value_of(rref):
    """Return the value of what a peer says is an RRef."""
    from ._rref import RRef

    if type(rref) is not RRef:
        raise TypeError(f"expected an RRef, got {type_name(type(rref))}")
    return rref.local_value()


def _rref_typeof_on_owner(rref, blocking=True):
    """What torch's handler caches to tell an RRef's type at its owner; `_rref_typeof_on_user` elsewhere."""
    return rref._get_type(blocking=blocking)


def _rref_typeof_on_user(rref, timeout=-1.0, blocking=True):
    return rref._get_type(timeout, blocking)


# Their name in pickles: see internal.
_call_method.__module__ = _type_of_value.__module__ = INTERNAL
