"""Whether a rebuilt exception still says what the original said.

What has no pickle travels as an UnpicklableValue, and a class's own pickling may drop
what its text is made of. A class that meets such a value where it expects another fails
in its ``__str__``, at a caller that only wants to log it.
"""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from ._errors import UnpicklableValue
from ._safe import exact, get_args, get_dict, is_interruption, text_of, type_name


def problem_of(exc, error):
    """Return why *exc* cannot stand for *error*, of which it was made, or None.

    It cannot where str() fails here and did not where it was raised; the same for
    repr() where a part of it did not travel.
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
    """Add the text that *exc* had on *worker* as a note, where it is another here."""
    there, here = error["text"], _text_here(exc)
    if here == there or _has_failed(there, "str") or _without_addresses(here) == _without_addresses(there):
        return
    namespace = get_dict(exc)
    notes = namespace.get("__notes__")
    notes = list(notes) if isinstance(notes, (list, tuple)) else []
    namespace["__notes__"] = [*notes, f"Its text on {worker} was: {there}"]


def _failure(function, exc):
    """Return the text of what *function* raises for *exc*, None where it does not.

    The call's own interruption is raised, as it is no answer of *exc*. A KeyboardInterrupt
    is one: a class that raises it in its text must not end the caller.
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
        return f"<{type_name(type(problem))}>"  # which is not what the text was there


def _has_failed(text, what):
    """Tell whether *text* is what _safe makes of an object whose str() or repr() failed."""
    return text.startswith("<") and f": {what}() failed with " in text


def _lost(exc):
    """Say which parts of *exc* did not travel: "" for none."""
    names = [exact(n) for n, v in get_dict(exc).items() if type(v) is UnpicklableValue]
    names += [f"args[{i}]" for i, v in enumerate(get_args(exc)) if type(v) is UnpicklableValue]
    return f"; its {', '.join(names)} could not travel" if names else ""


def _without_addresses(text):
    if "0x" not in text:
        return text
    from re import sub  # here, as few texts need it

    return sub("0x[0-9a-fA-F]+", "0x", text)
