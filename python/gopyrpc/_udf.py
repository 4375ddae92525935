"""PythonUDF: a call to make."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from collections import namedtuple

from ._introspect import repr_of

PythonUDF = namedtuple("PythonUDF", ("func", "args", "kwargs"))
PythonUDF.__doc__ = """A call to make: ``func(*args, **kwargs)``, pickled by name."""


def check(udf):
    """Return *udf*; raise a TypeError that says why, if *udf* cannot be called."""
    # The shape counts, and not the class: after a reload the class is another, and a peer
    # with torch's own PythonUDF means the same.
    if not isinstance(udf, tuple) or getattr(udf, "_fields", 0) != PythonUDF._fields:
        raise TypeError(f"expected a PythonUDF, got {_short(udf)}")
    func, args, kwargs = udf
    if not callable(func):
        raise TypeError(f"PythonUDF.func is not callable: {_short(func)}")
    if not isinstance(args, tuple):
        raise TypeError(f"PythonUDF.args must be a tuple, got {_short(args)}")
    if not isinstance(kwargs, dict):
        raise TypeError(f"PythonUDF.kwargs must be a dict, got {_short(kwargs)}")
    for key in kwargs:
        if not isinstance(key, str):
            raise TypeError(f"PythonUDF.kwargs has a key that is no str: {_short(key)}")
    return udf


def _short(obj):
    text = repr_of(obj)
    text = text if len(text) <= 200 else text[:200] + "..."
    return f"{type(obj).__name__}: {text}"
