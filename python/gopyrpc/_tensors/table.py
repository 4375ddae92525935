"""The tables of tensors of the pickles in progress, one for each serialize and deserialize."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from contextvars import ContextVar


# The tables of the innermost serialize and deserialize in this context. A call's context ends with
# the call, also where an interruption hits the code that would put a table back.
sending = ContextVar("sending", default=None)
receiving = ContextVar("receiving", default=None)


def to_table(obj):
    """Put *obj* in the tensor table; return the reduce value that fetches it.

    Reducers call it, while a `serialize` is in progress on this thread.
    """
    table = sending.get()
    if table is None:
        raise RuntimeError("to_table() called outside of serialize()")
    table.append(obj)
    return _receive_tensor, (len(table) - 1,)


def _receive_tensor(index):
    table = receiving.get() or ()
    if type(index) is not int or not 0 <= index < len(table):
        raise IndexError(
            f"the payload refers to tensor {index!r},"
            f" but {len(table)} came with it"
        )
    return table[index]


def has_outer_load():
    """Tell whether a deserialize with a table is in progress on this thread."""
    return receiving.get() is not None
