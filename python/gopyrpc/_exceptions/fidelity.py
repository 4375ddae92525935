"""Whether a rebuilt exception still says what the original said.

A value that has no pickle travels as an UnpicklableValue, and a class's own pickling may drop
values of which its text is made. A class that meets an UnpicklableValue where it expects another
value fails in its ``__str__``, at a caller that only wants to log the exception.

A text can be exponentially longer than the pickle of the value that it shows: a pickle has an object
that is in two lists once. `extent_of` says how long a text can be. An exception whose text can be
longer than the bytes that arrived allow is not asked for its text.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from gc import get_referents
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType, TracebackType

from .._errors import UnpicklableValue
from .._introspect import exact, get_args, get_dict, is_interruption, text_of, type_name
from .nested import Nested

PARTS_A_BYTE = 16  # parts that a text may have for each byte that arrived; a key of many dicts is 2 bytes
PARTS_ANYWAY = 10_000  # parts that a text may have however few bytes arrived
MAX_INT_BITS = 14_000  # bits, about 4300 decimal digits; the time for more digits is quadratic

_TOO_LONG = float("inf")
_WITHOUT_PARTS = (type, BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType, TracebackType)


def limit_of(error):
    """Return how many parts a text of *error* may have. The number is linear in the bytes that arrived."""
    arrived = [error.get(name) for name in ("args", "state", "text", "message")]
    return PARTS_ANYWAY + PARTS_A_BYTE * sum(len(a) for a in arrived if type(a) in (bytes, str, Nested))


def extent_of(value, limit):
    """Return how many parts a text of *value* can have, infinity where they are more than *limit*.

    A part is an object or a character. An object in two places counts twice, as repr() shows
    it twice. An object that contains itself counts once, as repr() shows "[...]". The function calls no
    code of a class, and takes time in proportion to *limit*.
    """
    extent, parts = _look_at(value)
    walk, path = [(value, iter(parts))], {id(value)}
    while walk and extent <= limit:
        around, parts = walk[-1]
        for part in parts:
            more, inner = _look_at(part)
            extent += more
            if extent > limit:
                break
            if inner and id(part) not in path:
                path.add(id(part))
                walk.append((part, iter(inner)))
                break
        else:
            walk.pop()
            path.discard(id(around))
    return extent if extent <= limit else _TOO_LONG


def _look_at(value):
    """Return how many parts *value* is without the objects that it refers to, and these objects.

    The objects are those that CPython's collector sees, of whatever class *value* is.
    """
    cls = type(value)
    if cls is str:
        return 1 + len(value), ()
    if cls is list or cls is dict or cls is tuple:
        return 1, get_referents(value)
    if cls is int:
        return _TOO_LONG if value.bit_length() > MAX_INT_BITS else 1, ()
    if issubclass(cls, _WITHOUT_PARTS):
        return 1, ()
    extent = _TOO_LONG if issubclass(cls, int) and int.bit_length(value) > MAX_INT_BITS else 1
    for texts in (str, bytes, bytearray):
        if issubclass(cls, texts):
            extent += texts.__len__(value)
    return extent, get_referents(value)


def problem_of(exc, error):
    """Return why *exc* cannot stand for *error*, of which it was made, or None.

    *exc* cannot where str() fails here and did not fail where the exception was raised. The same holds for
    repr() where a part of the exception did not travel.
    """
    there = error["text"]
    failure = _failure(str, exc)
    if failure is not None and not _has_failed(there, "str"):
        return f"its str() fails here with {failure}{_lost(exc)}"
    lost = _lost(exc)
    if lost and "repr" in error and not _has_failed(error["repr"], "repr"):
        failure = _failure(repr, exc)
        if failure is not None:
            return f"its repr() fails here with {failure}{lost}"
    return None


def add_true_text(exc, error, worker):
    """Add the text that *exc* had on *worker* as a note, where the text here differs."""
    there, here = error["text"], _text_here(exc)
    if here == there or _has_failed(there, "str") or _without_addresses(here) == _without_addresses(there):
        return
    namespace = get_dict(exc)
    notes = namespace.get("__notes__")
    notes = list(notes) if isinstance(notes, (list, tuple)) else []
    namespace["__notes__"] = [*notes, f"Its text on {worker} was: {there}"]


def _failure(function, exc):
    """Return the text of what *function* raises for *exc*, None where *function* does not raise.

    The call's own interruption is raised, as it is no answer of *exc*. A KeyboardInterrupt
    is an answer: a class that raises it in its ``__str__`` must not end the caller.
    """
    try:
        function(exc)
    except BaseException as problem:
        if is_interruption(problem):
            raise
        text = text_of(problem)
        return f"{type_name(type(problem))}: {text}" if text else type_name(type(problem))


def _text_here(exc):
    """Return str() of *exc*, which may raise nothing but the call's own interruption."""
    try:
        return exact(str(exc))
    except BaseException as problem:
        if is_interruption(problem):
            raise
        return f"<{type_name(type(problem))}>"  # differs from the text at the worker


def _has_failed(text, what):
    """Tell whether *text* is what _introspect makes of an object whose str() or repr() failed."""
    return text.startswith("<") and f": {what}() failed with " in text


def _lost(exc):
    """Return which parts of *exc* did not travel, "" if all did."""
    names = [exact(n) for n, v in get_dict(exc).items() if type(v) is UnpicklableValue]
    names += [f"args[{i}]" for i, v in enumerate(get_args(exc)) if type(v) is UnpicklableValue]
    return f"; its {', '.join(names)} could not travel" if names else ""


def _without_addresses(text):
    if "0x" not in text:
        return text
    from re import sub  # imported here, as few texts need it

    return sub("0x[0-9a-fA-F]+", "0x", text)
