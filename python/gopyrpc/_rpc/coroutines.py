"""``async def`` functions: they run in one event loop, on a thread of its own."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _thread import allocate_lock
from contextvars import copy_context

from .._name import PACKAGE
from .future import PlainFuture

_lock = allocate_lock()
_loop = None


class _Prepared:
    """What a Future has for its content until `begin`. No other Future ever has one."""

    __slots__ = ("awaitable", "context")

    def __init__(self, awaitable):
        self.awaitable = awaitable
        self.context = copy_context()


def prepare(awaitable):
    """Return a Future for *awaitable*, which the caller begins, and cancels when nobody wants the outcome any more."""
    future = PlainFuture()
    future._content = _Prepared(awaitable)
    return future


def begin(future):
    """Run a Future's awaitable in the loop, if it is one that `prepare` returned."""
    prepared = future._content
    if type(prepared) is _Prepared:
        future._content = None
        loop = _running_loop()
        loop.call_soon_threadsafe(prepared.context.run, _begin, loop, prepared.awaitable, future)


def cancel(future):
    """Cancel what `prepare` and `begin` were called for; nothing happens if it is over, or another's."""
    prepared = future._content
    if type(prepared) is _Prepared:
        _close(prepared.awaitable)
    elif _loop is not None:
        _loop.call_soon_threadsafe(_cancel, future)  # and so after _begin


def _begin(loop, awaitable, future):
    task = loop.create_task(_finish(awaitable, future))
    _tasks[future] = task  # the loop itself keeps weak references only

    def over(task):
        del _tasks[future]
        if not future.done():  # it was cancelled before it began
            _close(awaitable)
            future.set_exception(_cancelled())

    task.add_done_callback(over)


def _cancel(future):
    task = _tasks.get(future)
    if task is not None:
        task.cancel()


def _close(awaitable):
    """Spare a coroutine the warning that nobody awaited it."""
    close = getattr(awaitable, "close", None)
    if callable(close):
        close()


def _cancelled():
    from asyncio import CancelledError

    return CancelledError("who asked for this has left")


_tasks = {}


async def _finish(awaitable, future):
    try:
        result = await awaitable
    except BaseException as exc:
        future.set_exception(exc)
    else:
        future.set_result(result)


def _running_loop():
    global _loop
    with _lock:
        if _loop is None:
            import asyncio
            import threading

            _loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_loop.run_forever, name=f"{PACKAGE}-asyncio", daemon=True)
            thread.start()
    return _loop
