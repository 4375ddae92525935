"""Pickling, with tensors out of band in a table beside the bytes.

Counterpart of torch's ``_InternalRPCPickler``. An object is pickled in one of two ways:

* by plain C ``pickle.dumps``, without a Pickler object, if nothing is registered and there is no torch,
  or if nothing in the object could have a reducer, and nothing in it is large;
* otherwise by a C Pickler whose ``dispatch_table`` is the one shared `_Reducers`, and
  whose file keeps the parts that it is given: see buffers.

Where a restricted peer is served, all but plain values are pickled in the second way, by the
pickler of by_class.

Any thread may call the functions at any time. The table of the serialization in progress
belongs to the context, and is put back on every way out. So a nested call that fails, and
whose failure user code swallows, leaves the outer call's table as it was.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

import copyreg
from _pickle import Pickler, dumps, loads
from sys import modules
from types import BuiltinFunctionType, FunctionType, ModuleType

from .._errors import describe_pickling, describe_unpickling
from .._tensors import reducers, torch_access
from .._tensors.table import receiving, sending, to_table
from .._tensors.views import compact
from .._udf import PythonUDF
from . import by_class
from .buffers import FEW, LARGE, SIZED, Parts, has_large

PROTOCOL = 5


class _Reducers(dict):
    """A dispatch table that falls back to copyreg's, live.

    A plain copy of ``copyreg.dispatch_table`` would miss reducers that are registered
    later. C's lookup calls ``__missing__`` for every class that has no entry.
    There subclasses of ScriptModule are recognised, too, at any depth,
    where torch sees only the outermost object.
    """

    def __missing__(self, cls):
        known = copyreg.dispatch_table.get(cls)
        if known is not None:
            return known
        if torch_access.is_script_module(cls):
            return _reduce_script_module
        if torch_access.is_script_function(cls):
            return torch_access.name_script_function
        reducer = reducers.reducer_for(cls, to_table)
        if reducer is None:
            raise KeyError(cls)
        if cls.__module__ == "torch":  # Tensor itself; other classes may be unloaded again
            self[cls] = reducer
        return reducer


_reducers = _Reducers()


def register_reducer(cls, reducer):
    """Pickle exact instances of *cls* through *reducer*. The first reducer of a class stays.

    torch: ``_InternalRPCPickler._register_reducer``. *reducer* takes the object
    and returns what ``__reduce__`` may return; it may call `to_table`.
    """
    if not isinstance(cls, type) or not callable(reducer):
        raise TypeError("register_reducer needs a class and a callable")
    _reducers.setdefault(cls, reducer)


def _reduce_script_module(module):
    return _receive_script_module, (torch_access.save_script_module(module),)


def _receive_script_module(data):
    return torch_access.load_script_module(data)


def needs_table():
    """Tell whether pickling must use the reducers: whether any is registered, or there is torch."""
    return bool(_reducers) or ("torch" in modules and torch_access.find() is not None)


# The classes that C pickles without a look at any table. complex is not one of them, as copyreg has a reducer for it.
SCALARS = frozenset((type(None), bool, int, float, str, bytes, bytearray))


def is_plain(obj):
    """Tell, from a glance, whether *obj* needs no reducers. False proves nothing."""
    cls = type(obj)
    if cls in SCALARS:
        return True
    if cls is tuple or cls is list:
        return len(obj) <= FEW and SCALARS.issuperset(map(type, obj))
    if cls is dict:
        return (
            len(obj) <= FEW
            and SCALARS.issuperset(map(type, obj))
            and SCALARS.issuperset(map(type, obj.values()))
        )
    return False


def is_plain_call(obj):
    """Tell, from a glance, whether *obj* is a PythonUDF that needs no reducers."""
    if type(obj) is not PythonUDF:
        return False
    func, args, kwargs = obj
    return _is_named(func) and is_plain(args) and is_plain(kwargs) and PythonUDF not in _reducers


def _is_named(func):
    """Tell whether a function travels by its name, which no reducer changes."""
    cls = type(func)
    if cls is BuiltinFunctionType:  # a function of a module; a method takes its object along
        return type(func.__self__) is ModuleType and cls not in _reducers
    return cls is FunctionType


def dumps_plain(obj):
    """Return what `serialize_parts` makes of *obj*, without tensors, or None unless a glance tells that *obj* is plain.

    Plain are scalars, and calls of functions by name with few scalars. This path has to
    be fast. Nothing in a plain object needs a table, or refers to a value by an RRef.
    """
    if type(obj) is PythonUDF:
        func, args, kwargs = obj
        if PythonUDF in _reducers or not _is_named(func):
            return None
        longest = _longest(args)
        if kwargs and longest is not None:
            among = _longest(kwargs.values())
            longest = None if among is None else max(longest, among)
    else:
        longest = _longest((obj,))
    if longest is None:
        return None
    try:
        if longest < LARGE:
            return dumps(obj, PROTOCOL)
        out = Parts()
        Pickler(out, PROTOCOL).dump(obj)
        return out.taken(joined=False)
    except BaseException as exc:
        raise describe_pickling(exc, obj) from exc


def _longest(values):
    """Return the length of the longest object of bytes or text, or None unless *values* are few scalars."""
    if len(values) > FEW:
        return None
    longest = 0
    for value in values:
        cls = type(value)
        if cls not in SCALARS:
            return None
        if cls in SIZED and len(value) > longest:
            longest = len(value)
    return longest


def serialize(obj):
    """Return ``(bytes, tensors)`` for *obj*.

    Every failure is a SerializeError, also a SystemExit, RecursionError or MemoryError
    that comes from a ``__reduce__``.
    """
    return _joined(*serialize_parts(obj))


def serialize_parts(obj):
    """Do what `serialize` does, and leave large objects of bytes where they are.

    The pickle is bytes, or, where there are such objects, a list of bytes whose joined parts are the
    pickle. With tensors the pickle is always bytes.
    """
    if by_class.required.get():
        plain = is_plain(obj)
    else:
        plain = not needs_table() or is_plain(obj) or is_plain_call(obj)
    if not plain or has_large(obj):
        return dump_parts(obj)
    try:
        return dumps(obj, PROTOCOL), []
    except BaseException as exc:
        raise describe_pickling(exc, obj) from exc


def dump(obj):
    """Do what `serialize` does, by way of the reducers."""
    return _joined(*dump_parts(obj))


def _joined(data, tensors):
    return (data if type(data) is bytes else b"".join(data)), tensors


def dump_parts(obj):
    """Do what `serialize_parts` does, by way of the reducers."""
    out = Parts()
    tensors = []
    outer = sending.get()
    sending.set(tensors)
    try:
        if by_class.required.get():
            pickler = by_class.ByClassPickler(out, _reducers)
        else:
            pickler = Pickler(out, PROTOCOL)
            pickler.dispatch_table = _reducers
        pickler.dump(obj)
        if tensors:
            torch = torch_access.find()
            if torch is not None:
                compact(torch, tensors)
        data = out.taken(joined=bool(tensors))
    except BaseException as exc:
        # The traceback keeps this frame; it must not keep the tensors.
        tensors.clear()
        raise describe_pickling(exc, obj) from exc
    finally:
        sending.set(outer)
    return data, tensors


def deserialize(data, tensor_table=()):
    """Return the object in *data* (bytes-like). Bytes after the pickle's end are ignored.

    Every failure is a DeserializeError. An exception *instance*
    in the payload is a value like any other, and is returned.
    """
    return load(data, tensor_table, loads)


def load(data, tensor_table, loads):
    """Do what `deserialize` does, through *loads*, which may restrict what is let in."""
    outer = receiving.get()
    receiving.set(tensor_table)
    try:
        return loads(data)
    except BaseException as exc:
        # The traceback keeps this frame; it must not keep the payload.
        data = tensor_table = None
        raise describe_unpickling(exc) from exc
    finally:
        receiving.set(outer)


def loads_alone(data):
    """Do what `deserialize` does, for data that came without tensors."""
    if receiving.get() is not None:
        return deserialize(data)  # with an empty table, so that the table of an outer call is not used
    return loads_with(loads, data)


def loads_with(loads, data):
    """Do what `load` does, in a context in which no other load is in progress."""
    try:
        return loads(data)
    except BaseException as exc:
        data = None  # the traceback keeps this frame
        raise describe_unpickling(exc) from exc
