"""wait_all and collect_all: counterparts of those of ``torch.futures``."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _thread import allocate_lock

from .._public import public
from .event import Event
from .foreign import as_future
from .future import new


def collect_all(futures):
    """Return a future whose value is the list of *futures*, once all are done. The first that fails ends it."""
    collected = new()
    _Collection(list(futures), collected).begin()
    return collected


def wait_all(futures):
    """Wait for all; return the list of values. The first that fails ends the waiting, with what it raises."""
    futures = [as_future(future) for future in futures]
    if len(futures) > 1:
        _Gathering(futures).wait()
    return [future.wait() for future in futures]


def _early(source):
    """Return a call to wait for where the outcome of another may end the waiting: see Event."""
    return source and (*source[:2], True)


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
                if not part.begin():
                    part.set()
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
                event.wait(None, _early(future._source))
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
    """One of the futures of a `_Gathering` or `_Collection`. It takes the place of an Event."""

    __slots__ = ("_whole", "_future")

    def __init__(self, whole, future):
        self._whole = whole
        self._future = future

    def begin(self):
        """Return whether the outcome is still to come."""
        future = self._future
        with future._lock:
            if not future.done():
                future._events.append(self)
                return True
        return False

    def end(self):
        future = self._future
        with future._lock:
            if self in future._events:
                future._events.remove(self)

    def set(self, host=None, awake=None):
        return self._whole.came(self._future, host, awake)


class _Collection:
    """Futures for which another, *collected*, stands."""

    __slots__ = ("_futures", "_collected", "_left", "_lock")

    def __init__(self, futures, collected):
        self._futures = futures
        self._collected = collected
        self._left = len(futures)  # those that have not been counted; 0 once there is an outcome
        self._lock = allocate_lock()

    def begin(self):
        if not self._futures:
            self._collected.set_result(self._futures)
        for future in [as_future(future) for future in self._futures]:
            if _Part(self, future).begin():
                self._collected._source = _early(future._source)  # who waits waits for the last one
            else:
                self._count(future)

    def came(self, future, host, awake):
        """Count *future*, which is done. Return a callback for what may decide: it reads the reply."""
        with self._lock:
            if self._left > 1 and not future._may_have_failed():
                self._left -= 1
                return None
        return self._count

    def _count(self, future):
        failure = future.exception()
        with self._lock:
            if not self._left:
                return
            self._left = self._left - 1 if failure is None else 0
            if self._left:
                return
        if failure is None:
            self._collected.set_result(self._futures)
        else:
            self._collected.set_exception(failure)


public(collect_all, wait_all)
