"""Pickling by what classes say about their instances, and never by what an instance says about itself.

The module is for restricted peers. An instance that came from such a peer has the
attributes that the peer gave it, and C's pickler looks on the instance for ``__reduce_ex__``,
``__reduce__`` and ``__module__``. With these a result could import any module.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _pickle import Pickler, PicklingError
from contextvars import ContextVar
from copyreg import dispatch_table
from io import BytesIO
from sys import modules
from types import FunctionType, GetSetDescriptorType, ModuleType

from .._introspect import type_dict, type_is_static, type_mro, type_name
from .._name import INTERNAL

# Whether everything in this context is pickled by class. That is set where a restricted peer is served.
required = ContextVar("pickling by class", default=False)

_PROTOCOL = 5
_UNNAMED = (type(None), type(Ellipsis), type(NotImplemented))  # C writes them as calls of type()
_OF_THE_CLASS = ("__reduce_ex__", "__reduce__", "__getstate__")  # what CPython looks up on the instance
_reduce_ex = object.__dict__["__reduce_ex__"]
_reduce = object.__dict__["__reduce__"]
_module_dict = ModuleType.__dict__["__dict__"].__get__


class ByClassPickler(Pickler):
    """The C Pickler, with a say in all but the plain builtin classes.

    *reducers* is a dispatch table. Classes and functions travel by name only where a module
    that is loaded has that very object under the name. Nothing is imported.
    """

    def __init__(self, file, reducers=dispatch_table):
        super().__init__(file, _PROTOCOL)
        self._reducers = reducers

    def reducer_override(self, obj):
        cls = type(obj)
        if cls is FunctionType or cls is type:
            return _by_name(obj)
        try:
            reducer = self._reducers[cls]
        except KeyError:
            if issubclass(cls, type):
                return _by_name(obj)
            reduced = _reduce_by_class(obj, cls)
        else:
            reduced = reducer(obj)
        if isinstance(reduced, str):
            _require_global(obj, cls, reduced)
        return reduced


def dumps(obj):
    """`pickle.dumps` by class."""
    out = BytesIO()
    ByClassPickler(out).dump(obj)
    return out.getvalue()


def _by_name(obj):
    """Let C pickle a function or a class by its name, if the name leads to that object."""
    name = getattr(obj, "__qualname__", None)
    if obj not in _UNNAMED:
        module = getattr(obj, "__module__", None)
        if _find(module, name) is not obj:
            what = "class" if isinstance(obj, type) else "function"
            raise PicklingError(f"Can't pickle {what} {module}.{name}: it's not found as {module}.{name}, among what is loaded")
    return NotImplemented


def _reduce_by_class(obj, cls):
    reduce_ex = _lookup(cls, "__reduce_ex__")
    if reduce_ex is not _reduce_ex:
        return reduce_ex.__get__(obj, cls)(_PROTOCOL)
    reduce = _lookup(cls, "__reduce__")
    if reduce is not _reduce:
        return reduce.__get__(obj, cls)()
    _refuse_overrides(obj, cls)
    return _reduce_ex(obj, _PROTOCOL)


def _refuse_overrides(obj, cls):
    """Refuse attributes of an instance that CPython's own object.__reduce_ex__ would take for the class's."""
    for owner in type_mro(cls):
        descriptor = type_dict(owner).get("__dict__")
        if type(descriptor) is GetSetDescriptorType:
            namespace = descriptor.__get__(obj)
            for name in (*_OF_THE_CLASS, "items") if issubclass(cls, dict) else _OF_THE_CLASS:
                if name in namespace:
                    raise PicklingError(
                        f"Can't pickle an instance of {type_name(cls)} that has an attribute {name} of its own:"
                        " for a peer that is restricted only its class may say how it is pickled"
                    )
            return


def _lookup(cls, name):
    for owner in type_mro(cls):
        namespace = type_dict(owner)
        if name in namespace:
            return namespace[name]
    return None


def _require_global(obj, cls, name):
    """Raise unless a loaded module has *obj* under the *name* that reducing it gave.

    Where the object has a ``__module__``, C looks in that module; else C looks in all modules that are loaded.
    """
    module = getattr(obj, "__module__", None)
    if module is not None:
        found = _find(module, name) is obj
    else:  # an instance of a class written in C, which can have no attributes: Ellipsis, a ufunc
        found = type_is_static(cls) and any(_find(module, name) is obj for module in list(modules))
    if not found:
        raise PicklingError(
            f"Can't pickle an instance of {type_name(cls)} by the name {name!r}: no module that is loaded has it there"
        )


def _find(module, name):
    """Return what a loaded module has under a name, None where it has nothing. Dots lead through classes.

    The function imports nothing, and runs no code of other modules or classes.
    """
    if type(module) is not str or type(name) is not str:
        return None
    found = modules.get(module)
    if not isinstance(found, ModuleType):
        return None
    first, *rest = name.split(".")
    # gopyrpc.internal makes its rarer names when they are asked for.
    found = getattr(found, first, None) if module == INTERNAL else _module_dict(found).get(first)
    for part in rest:
        if not isinstance(found, type):
            return None
        found = _lookup(found, part)
    return found.__func__ if type(found) is staticmethod else found
