"""wait_all and collect_all: counterparts of those of ``torch.futures``."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _thread import allocate_lock

from .._public import public
from .event import Event
from .foreign import as_future
from .future import new


def collect_all(futures):
    """Return a future whose value is the list of *futures*, once all are done. The first that fails ends it."""
    futures = list(futures)
    collected = new()
    left = len(futures)
    lock = allocate_lock()
    if not futures:
        collected.set_result(futures)

    def one_more(future):
        nonlocal left
        failure = future.exception()
        with lock:
            if left <= 0:
                return
            left = left - 1 if failure is None else -1
            if left > 0:
                return
        if failure is None:
            collected.set_result(futures)
        else:
            collected.set_exception(failure)

    for future in [as_future(future) for future in futures]:
        future.add_done_callback(one_more)
    return collected


def wait_all(futures):
    """Wait for all; return the list of values. The first that fails ends the waiting, with what it raises."""
    futures = [as_future(future) for future in futures]
    if len(futures) > 1:
        _Gathering(futures).wait()
    return [future.wait() for future in futures]


class _Gathering:
    """Futures that a thread waits for, one after the other, until one of them fails."""

    __slots__ = ("_futures", "_lock", "_awaited", "_event", "_suspects")

    def __init__(self, futures):
        self._futures = futures
        self._lock = allocate_lock()
        self._awaited = None  # the future that the thread waits for at present
        self._event = None  # by which it does
        self._suspects = []  # those that have come, and may have failed

    def wait(self):
        parts = [_Part(self, future) for future in self._futures]
        try:
            for part in parts:
                part.begin()
            for future in self._futures:
                self._wait_for(future)
        finally:
            for part in parts:
                part.end()
            self._give_up()

    def _wait_for(self, future):
        self._raise_failures()
        while not future.done():
            event = Event()
            with self._lock:
                waits = not self._suspects and not future.done()
                if waits:
                    self._awaited, self._event = future, event
            if waits:
                event.wait(None, future._source, True)
            self._raise_failures()

    def _raise_failures(self):
        with self._lock:
            suspects, self._suspects = self._suspects, []
        for future in suspects:
            future.wait()

    def came(self, future, host, awake):
        """Called when there is an outcome of one of the futures."""
        with self._lock:
            if future._may_have_failed():
                self._suspects.append(future)
            elif future is not self._awaited:
                return
            event, self._event = self._event, None
        if event is not None:
            event.set(host, awake)

    def _give_up(self):
        with self._lock:
            event, self._event = self._event, None
        if event is not None:
            event.set()
            event.wait(1e-9)


class _Part:
    """One of the futures of a `_Gathering`. It takes the place of an Event."""

    __slots__ = ("_gathering", "_future")

    def __init__(self, gathering, future):
        self._gathering = gathering
        self._future = future

    def begin(self):
        future = self._future
        with future._lock:
            if not future.done():
                future._events.append(self)
                return
        self.set()

    def end(self):
        future = self._future
        with future._lock:
            if self in future._events:
                future._events.remove(self)

    def set(self, host=None, awake=None):
        self._gathering.came(self._future, host, awake)


public(collect_all, wait_all)
