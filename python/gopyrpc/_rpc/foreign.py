"""Futures of torch, asyncio and concurrent.futures, as Futures."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from sys import modules

from .._introspect import type_name
from .future import Future, new


def as_future(other):
    """Return *other* if it is a Future, else a Future that gets the outcome of *other*; TypeError if that is none."""
    future = adopt(other)
    if future is None:
        raise TypeError(f"expected a Future of gopyrpc, torch, asyncio or concurrent.futures, got {type_name(type(other))}")
    return future


def adopt(other):
    """`as_future` that returns None for what is no future."""
    if isinstance(other, Future):
        return other
    if _is_a(other, "torch.futures", "Future") or _is_a(other, "torch._C", "Future"):
        future = new()
        other.add_done_callback(lambda done: _copy(done.value, future))
        return future
    if _is_a(other, "concurrent.futures._base", "Future"):
        future = new()
        other.add_done_callback(lambda done: _copy(done.result, future))
        return future
    if getattr(type(other), "_asyncio_future_blocking", None) is not None and hasattr(type(other), "get_loop"):
        return _adopt_asyncio(other)
    return None


def _is_a(other, module, name):
    cls = getattr(modules.get(module), name, None)
    return isinstance(cls, type) and isinstance(other, cls)


def _adopt_asyncio(other):
    """asyncio's futures are their loop's: its thread alone may give them a callback."""
    future = new()

    def begin():
        other.add_done_callback(lambda done: _copy(done.result, future))

    if other.done():
        _copy(other.result, future)
    else:
        other.get_loop().call_soon_threadsafe(begin)
    return future


def _copy(outcome, future):
    try:
        value = outcome()
    except BaseException as exc:
        future.set_exception(exc)
    else:
        future.set_result(value)
