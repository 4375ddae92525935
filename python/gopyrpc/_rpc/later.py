"""Later: the result of a function that is done before its result is there."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from functools import partial

from .._exceptions.remote import RemoteException
from .._introspect import type_name
from .._pickling.pickler import SCALARS
from .errors import NotAFuture
from .foreign import adopt
from .future import Future


class Later:
    """What a call returns for whose *future* Go waits. Go knows the class by its name; no user's object is one."""

    __slots__ = ("future",)

    def __init__(self, future):
        self.future = future


def later(func, result):
    """Return the Later of what *func* returned, or *result* itself where there is nothing to wait for.

    A future is waited for where the function is marked with async_execution, a coroutine in any case. Raises NotAFuture
    where a function that is marked returned neither.
    """
    kind = type(result)
    marked = _is_marked(func)
    if not marked and (kind in SCALARS or not hasattr(kind, "__await__")) or kind is Later or kind is RemoteException:
        return result
    if marked:
        future = adopt(result)
        if future is not None:
            return Later(future)
    elif isinstance(result, Future):
        return result  # which cannot be pickled, and says so
    if not hasattr(kind, "__await__"):
        raise NotAFuture(
            "Functions decorated with @rpc.async_function must return a torch.futures.Future object,"
            f" but got {kind.__module__}.{kind.__qualname__}: a future of gopyrpc, asyncio or concurrent.futures will do, too"
        )
    from .coroutines import prepare

    return Later(prepare(result))  # when_done or when_kept begins it


def _is_marked(func):
    while type(func) is partial:
        func = func.func
    return getattr(func, "_wrapped_async_rpc_function", None) is not None
