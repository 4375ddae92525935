"""Reading hostile objects: the name of a class, the text of an object.

User classes may override anything. The functions of this module go round overrides where
CPython allows that (slots of ``type`` and ``BaseException``), and survive them elsewhere.
The functions always return exact ``str``: an instance of a subclass would bring its class
into a pickle.
"""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from ._name import INTERRUPTED

HEAPTYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class made while the interpreter runs

_get_module = type.__dict__["__module__"].__get__
_get_qualname = type.__dict__["__qualname__"].__get__
_get_mro = type.__dict__["__mro__"].__get__
_get_flags = type.__dict__["__flags__"].__get__
_get_namespace = type.__dict__["__dict__"].__get__
_get_base = type.__dict__["__base__"].__get__

get_args = BaseException.__dict__["args"].__get__
get_cause = BaseException.__dict__["__cause__"].__get__
get_context = BaseException.__dict__["__context__"].__get__
get_suppress = BaseException.__dict__["__suppress_context__"].__get__
get_traceback = BaseException.__dict__["__traceback__"].__get__
set_traceback = BaseException.__dict__["__traceback__"].__set__
get_dict = BaseException.__dict__["__dict__"].__get__


def exact(text):
    """Return *text* as an exact str, "" for anything that is none."""
    if type(text) is str:
        return text
    return str.__str__(text) if isinstance(text, str) else ""


def type_module(cls):
    try:
        return exact(_get_module(cls))
    except BaseException:
        return ""


def type_qualname(cls):
    return exact(_get_qualname(cls))


def type_name(cls):
    """Return the name of a class as tracebacks show it, without ``builtins``."""
    module, qualname = type_module(cls), type_qualname(cls)
    return qualname if module in ("", "builtins") else f"{module}.{qualname}"


def type_mro(cls):
    return _get_mro(cls)


def type_is_static(cls):
    """Tell whether *cls* is compiled into the interpreter."""
    return not _get_flags(cls) & HEAPTYPE


def type_dict(cls):
    return _get_namespace(cls)


def type_base(cls):
    """Return the base whose instances' layout in memory *cls* continues."""
    return _get_base(cls)


def base_of(cls):
    """Return the base compiled into CPython whose layout instances of *cls* have.

    The base's ``__new__``, ``__init__`` and ``__reduce__`` know the fields that C keeps
    (``OSError.filename``, ``UnicodeError.start``) and run no user code. The base need not be
    the first such class of the MRO: of ``(ValueError, OSError)`` it is OSError.
    """
    while not type_is_static(cls):
        cls = type_base(cls)
    return cls


def is_interruption(exc):
    """Tell whether *exc* is the interruption of the call that runs this code, and so the outcome of no other call.

    An interruption is a ``gopyrpc.Interrupted``, or the exception that a reader of pickles made of it.
    """
    seen = set()
    while exc is not None and id(exc) not in seen:
        if type_name(type(exc)) == INTERRUPTED:
            return True
        seen.add(id(exc))
        exc = get_cause(exc)
    return False


def text_of(obj):
    return _convert(str, obj)


def repr_of(obj):
    return _convert(repr, obj)


def _convert(function, obj):
    try:
        return exact(function(obj))
    except BaseException as exc:
        # SystemExit, too: to print an exception must never end a process.
        name, how = type_name(type(obj)), type_name(type(exc))
        return f"<{name}: {function.__name__}() failed with {how}>"
