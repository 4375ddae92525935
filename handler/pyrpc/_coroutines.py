"""``async def`` functions: they run in one event loop, on a thread of its own."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _thread import allocate_lock
from contextvars import copy_context

from ._future import Future

_lock = allocate_lock()
_loop = None


def run(awaitable):
    """Return a Future for *awaitable*, which begins at once in the loop."""
    future = Future()
    loop = _running_loop()
    context = copy_context()
    loop.call_soon_threadsafe(context.run, _begin, loop, awaitable, future)
    return future


def _begin(loop, awaitable, future):
    task = loop.create_task(_finish(awaitable, future))
    _tasks.add(task)  # the loop itself keeps weak references only
    task.add_done_callback(_tasks.discard)


_tasks = set()


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
            thread = threading.Thread(target=_loop.run_forever, name="pyrpc-asyncio", daemon=True)
            thread.start()
    return _loop
