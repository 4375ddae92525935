"""The exceptions of this package, as data: no behaviour beyond printing well."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _pickle import PicklingError, UnpicklingError

from ._introspect import get_traceback, text_of, type_name
from ._name import MODULES


class SerializeError(RuntimeError):
    """An object could not be pickled; ``__cause__`` says why.

    Where the cause is an AttributeError, a PicklingError or a TypeError, the exception that is raised has that
    class, too, as torch raises pickle's own exceptions.
    """


class SerializeAttributeError(SerializeError, AttributeError):
    pass


class SerializePicklingError(SerializeError, PicklingError):
    pass


class SerializeTypeError(SerializeError, TypeError):
    pass


_SERIALIZE = (
    (AttributeError, SerializeAttributeError),
    (PicklingError, SerializePicklingError),
    (TypeError, SerializeTypeError),
    (BaseException, SerializeError),
)


class DeserializeError(RuntimeError):
    """Bytes could not be unpickled; ``__cause__`` says why.

    The exception is always raised, and never returned. torch returns some of these failures as
    values, which a caller cannot tell from a result.
    """


class NoSuchOverload(RuntimeError, TypeError):
    """An operator of torch was called with arguments that none of its overloads takes."""


class ForbiddenGlobal(UnpicklingError):
    """A payload asked for something that the allow-list does not name.

    The exception is raised before anything of the payload has been called. ``global_name`` is
    ``module:qualname`` as the payload spelt it.
    """

    def __init__(self, message="", global_name=""):
        super().__init__(message, global_name)
        self.global_name = global_name

    def __str__(self):
        return str(self.args[0]) if self.args else ""


class RemoteTraceback(Exception):
    """The callee's traceback as text, at the far end of a ``__cause__`` chain.

    The text is a cause, as every Python prints causes, and notes only from 3.11 on.
    """

    def __str__(self):
        return "\n" + str(self.args[0] if self.args else "")


class RemoteError(Exception):
    """A remote exception that cannot be raised here under its own class.

    The exception's class may be missing on this side, may not derive from ``Exception``
    (a peer must not be able to make its caller exit), or may be refused by the
    allow-list; or the arguments do not load. ``reason`` says which. The other attributes are
    what the callee saw, as plain data:

    ``type_name``, ``type_module``, ``type_qualname``, ``mro`` (names, most
    derived first), ``message`` (``str(exc)``), ``args_repr``, ``notes``,
    ``frames`` (``(file, line, function, source)``), ``worker``,
    ``remote_traceback`` and, for groups, ``exceptions``. Causes and contexts
    are linked the usual way.
    """

    # Defaults at the class, so that a RemoteError that is made by hand has every attribute, too.
    type_module = type_qualname = type_name = message = args_repr = ""
    worker = remote_traceback = reason = ""
    mro = notes = frames = exceptions = ()


class UnpicklableValue:
    """Stands for an argument of a remote exception that could not be pickled."""

    __slots__ = ("text",)

    def __init__(self, text=""):
        self.text = text

    def __reduce__(self):
        return UnpicklableValue, (self.text,)

    def __repr__(self):
        return self.text

    def __eq__(self, other):
        if not isinstance(other, UnpicklableValue):
            return NotImplemented
        return self.text == other.text

    def __hash__(self):
        return hash(self.text)


def describe_pickling(exc, obj):
    """Make the SerializeError for *exc*, in which the pickling of *obj* ended."""
    what = type_name(type(obj))
    cls = next(ours for kind, ours in _SERIALIZE if issubclass(type(exc), kind))
    return cls(f"cannot serialize {what}: {_summary(exc)}{_hint(exc)}")


def describe_unpickling(exc):
    """Make the DeserializeError for *exc*, in which unpickling ended."""
    return DeserializeError(f"cannot deserialize: {_summary(exc)}{_hint(exc)}")


def check_size(data, limit):
    """Raise DeserializeError if *data* has more bytes than *limit*."""
    try:
        size = memoryview(data).nbytes
    except TypeError as exc:
        raise describe_unpickling(exc) from exc
    if size > limit:
        raise DeserializeError(
            f"cannot deserialize: the payload has {size} bytes, allowed are {limit}"
        )


def _summary(exc):
    name, text = type_name(type(exc)), text_of(exc)
    return f"{name}: {text}" if text else name


def _hint(exc):
    """Return what to do, where the cause is certain, and "" elsewhere.

    A user's ``__setstate__`` may raise the same types, but leaves a frame of its
    own in the traceback. The pickler is written in C and leaves none.
    """
    cls = type(exc)
    if cls is ForbiddenGlobal:
        entry = entry_for(exc)
        return f"; the entry {entry} would let it in" if entry else ""
    if cls is ModuleNotFoundError and exc.name:
        return (
            f"; module {exc.name!r} must be importable on this side too"
            " (check sys.path and what is installed here)"
        )
    if not _is_from_pickler(exc):
        return ""
    if issubclass(cls, (AttributeError, PicklingError)) and _says_not_by_name(text_of(exc)):
        return (
            "; functions and classes travel by name, not as code: define them at"
            " the top level of a module that both sides can import"
            " (Default RPC pickler does not serialize function code)"
        )
    if cls is RecursionError:
        return "; the object is nested too deeply for pickle"
    return ""


#: What the text of a refusal says where an entry with the exact name would let the object in.
_UNLISTED = (
    " is not on the allow-list", " is not a method on the allow-list", " is not defined in that module",
    " is listed as value:", " which takes an entry for that class", " is not allowed: worker ",
)


def entry_for(exc):
    """Return the entry of an allow-list that would let in what a ForbiddenGlobal refuses; "" if there is none."""
    return exc.global_name if any(part in text_of(exc) for part in _UNLISTED) else ""


def _says_not_by_name(text):
    """Tell whether a pickler's or unpickler's text is about a function or class that no name leads to."""
    return any(part in text for part in ("attribute", "local object", "not found as", "not the same object as"))


def _is_from_pickler(exc):
    last = get_traceback(exc)
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None:
        return True
    return str(last.tb_frame.f_globals.get("__name__")).startswith(MODULES)
