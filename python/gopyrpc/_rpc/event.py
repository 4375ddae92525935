"""Event: what a thread waits for once, and another sets."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _thread import allocate_lock
from itertools import count

from .._uninterruptible import uninterruptible
from . import hosts

_numbers = count(1)


class Event:
    """An event to wait for once. Where there is an agent the wait is Go's, which gives the permit back meanwhile."""

    __slots__ = ("_host", "_id", "_lock")

    def __init__(self):
        host = hosts.find()
        self._host = host
        if host is not None:
            self._id = next(_numbers)
        else:
            self._lock = allocate_lock()
            self._lock.acquire()

    def wait(self, timeout, source=None):
        """Wait. *source* is a call, ``(host, ticket)``, whose outcome sets this, or None.

        It is ``(host, ticket, True)`` where something else may set this before.
        """
        host = self._host
        if host is not None:
            ticket = source[1:] if source is not None and source[0] is host else (0,)
            return host.wait(self._id, 0.0 if timeout is None else max(float(timeout), 1e-9), *ticket)
        return self._lock.acquire(timeout=-1 if timeout is None else timeout)

    @uninterruptible
    def set(self, host=None, awake=None):
        """Wake the waiting thread. If it waits in *host*'s Go, add this event's number to *awake* instead."""
        if self._host is None:
            self._lock.release()
        elif self._host is host:
            awake.append(self._id)
        else:
            self._host.set(self._id)


def wait_until_called(register):
    """Wait until what *register* is called with has been called, once. Return False where something else ended the wait."""
    event, lock = Event(), allocate_lock()
    over = False

    def end():
        nonlocal over
        with lock:
            before, over = over, True
        return before

    def call(*_):
        if not end():
            event.set()

    register(call)
    try:
        called = event.wait(None)
    except BaseException:
        called = False
        raise
    finally:
        if not called and end():
            event.wait(1e-9)  # it has been set, or is just being
    return called
