"""The functions that a canonical pickle calls in place of what a payload asked for.

Go reads what restricted peers send, checks it, and writes a canonical pickle: see
handler/policy. A canonical pickle names nothing. Its functions and classes are handed over as
objects. Where no list covers an object by itself, the object is a function of this module, which
does one thing to plain arguments. No payload can name these functions, so no payload can reach
what they consist of.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from collections import OrderedDict, deque
from functools import partial
from sys import modules

from .._exceptions.nested import Nested
from .._exceptions.remote import _remote_exception
from .._udf import PythonUDF


def _type(singleton):
    return type(singleton)


def _update_ordered(target, items):
    for key, value in items.items():
        OrderedDict.__setitem__(target, key, value)


def _numpy():
    numpy = modules.get("numpy")
    if numpy is None:
        import numpy
    return numpy


def _dtype(name):
    return _numpy().dtype(name)


def _array(data, dtype, shape, order, axes=None):
    """Make an array of bytes, as numpy's ``_frombuffer`` does, in one call. Go has counted the bytes."""
    numpy = _numpy()
    if not data:  # frombuffer refuses empty data
        array = numpy.empty(shape, dtype, order="F" if order == "F" else "C")
    elif axes is None:
        return numpy.ndarray(shape, dtype, data, 0, None, order)
    else:
        array = numpy.frombuffer(data, dtype).reshape(shape)
    return array if axes is None else array.transpose(axes)


def _scalar(dtype, data):
    return _numpy().frombuffer(data, dtype)[0]


def _uuid(number, safe=None):
    from uuid import UUID, SafeUUID

    return UUID(int=number, is_safe=SafeUUID(safe))


_COMMON = {
    "call": partial(tuple.__new__, PythonUDF),  # takes one tuple, in C
    "type": _type,
    "update_dict": dict.update,
    "update_ordered": _update_ordered,
    "extend_deque": deque.extend,
    "dtype": _dtype,
    "array": _array,
    "scalar": _scalar,
    "uuid": _uuid,
}


def make_standins(policy):
    """Return the stand-ins under an AllowList, by name."""
    from .enums import member, together
    from .instances import Instances

    instances = Instances(policy)
    return {
        **_COMMON,
        "record": lambda record: _remote_exception(record, policy),
        "nested": lambda data, beside: Nested(data, beside, policy),
        "refused": lambda name, text: Nested(None, (name, text), policy),
        "method": policy.attribute,
        "to_call": policy.to_call,
        "member": member,
        "flags": partial(together, policy),
        "value": instances.value,
        "new": instances.new,
        "new_to_change": instances.new_to_change,
        "new_value": instances.new_value,
        "new_value_to_change": instances.new_value,
        "call_class": instances.call_class,
        "set_state": instances.set_state,
        "extend": instances.extend,
        "update": instances.update,
        "add": instances.add,
    }
