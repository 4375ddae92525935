"""The bridge's own Python: what is awkward to say through the C-API.

The files of this folder run in one namespace, the module `_gopyrpc_bridge`, when they are first needed:
compiling them would take a quarter of the time that Python takes to start. This one runs before the
others. They keep what they need as globals, so that a program that empties sys.modules or breaks
builtins cannot take it away. PACKAGE and FRAMES, the package's name and what begins the names of the files that the
binary carries, are Go's (internal/pyname).
"""

import builtins
import sys
import threading
from time import monotonic

# importlib.abc, importlib.machinery, types and signal (by way of enum) would double the time to start.
ModuleSpec, ModuleType, BuiltinFunction = type(sys.__spec__), type(sys), type(len)

_isinstance, _getattr, _str, _type, _len, _repr, _max = isinstance, getattr, str, type, len, repr, max
_BaseException, _list, _tuple, _int, _issubclass = BaseException, list, tuple, int, issubclass
_id = id

masked = {}  # id of a code object -> the code object, of each function that is marked: interrupt.py looks here


def uninterruptible(function):
    """Marks a function, as a decorator, in the middle of which no interruption is raised, nor in what it calls. An
    interruption that is due meanwhile is raised when the function has returned, or after two seconds."""
    code = function.__code__
    masked[_id(code)] = code
    return function


def _module(cls):
    try:
        module = cls.__module__
    except _BaseException:
        return "<unknown>"
    return module if _isinstance(module, _str) else "<unknown>"  # a class may set it to anything


def _qualname(cls):
    return _type.__dict__["__qualname__"].__get__(cls)  # whatever a metaclass says


def _derives(exc, base):
    """isinstance(exc, base), whatever exc says that its class is."""
    return base in _type.__dict__["__mro__"].__get__(_type(exc))


def class_name(cls):
    module = _module(cls)
    return _qualname(cls) if module == "builtins" else module + "." + _qualname(cls)


def _text(exc):
    """str(exc), whatever exc's own methods do."""
    try:
        text = _str(exc)
        return text if _type(text) is _str else _str.__str__(text)
    except _BaseException as failure:
        return "<exception str() failed: %s>" % class_name(_type(failure))
