"""Future: counterpart of ``torch.futures.Future``."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _thread import allocate_lock
from contextvars import copy_context
from itertools import count

from .._introspect import is_interruption
from .._name import PACKAGE
from . import hosts

_PENDING, _RAW, _READING, _VALUE, _FAILED = range(5)


_read = None  # what makes a value of what came from a worker


def read_by(function):
    """Say what makes the value of what is given to `_deliver`, or raises it."""
    global _read
    _read = function


class Future:
    """An outcome, once there is one: a value or an exception, set exactly once.

    Any thread may use it. Callbacks run in the thread that sets the outcome, or at
    once where there is one; ``await future`` works in any asyncio event loop.
    """

    __slots__ = ("_state", "_content", "_lock", "_callbacks", "_events", "_source", "__weakref__")

    def __init__(self, *, devices=None):
        if devices:
            raise ValueError("futures with devices are not supported: tensors travel by way of the CPU")
        self._state = _PENDING
        self._content = None
        self._lock = allocate_lock()
        self._callbacks = []
        self._events = []
        self._source = None  # (host, ticket) of the call whose outcome this is

    def __class_getitem__(cls, item):
        return cls

    def done(self):
        """Tell whether there is an outcome."""
        return self._state != _PENDING

    def wait(self, timeout=None):
        """Wait for the outcome; return the value or raise the exception.

        TimeoutError after *timeout* seconds, which torch's does not have.
        """
        if self._state == _PENDING and not self._await(timeout):
            raise TimeoutError(f"the future has no outcome after {timeout} s")
        return self._outcome()

    def value(self):
        """Return the value, or raise the exception, of a future that is done."""
        if self._state == _PENDING:
            raise RuntimeError("the future has no outcome yet: wait() waits for it")
        return self._outcome()

    def set_result(self, result):
        self._set(_VALUE, result)

    def set_exception(self, exception):
        if not isinstance(exception, BaseException):
            raise TypeError(f"{exception!r} is of type {type(exception)}, not an Exception.")
        self._set(_FAILED, exception)

    def then(self, callback):
        """Return a future for ``callback(self)``, which is called once this one is done."""
        _require_callable(callback)
        callback = _carried(callback)
        following = Future()

        def run(done):
            try:
                result = callback(done)
            except BaseException as exc:
                following.set_exception(exc)
            else:
                following.set_result(result)

        self._add(run)
        return following

    def add_done_callback(self, callback):
        """Call ``callback(self)`` once this is done. What it raises is logged."""
        _require_callable(callback)
        self._add(_carried(callback))

    def exception(self):
        """Return the exception of a future that is done, None if it has a value."""
        try:
            self.value()
        except BaseException as exc:
            if self._state == _FAILED and self._content is exc:
                return exc
            raise
        return None

    def __await__(self):
        if self._state == _PENDING:
            yield from self._in_loop().__await__()
        return self._outcome()

    def _in_loop(self):
        from asyncio import get_running_loop

        loop = get_running_loop()
        waiter = loop.create_future()

        def wake():
            if not waiter.done():
                waiter.set_result(None)

        def tell(_):
            try:
                loop.call_soon_threadsafe(wake)
            except RuntimeError:
                pass  # the loop has been closed: nobody waits any more

        self._add(tell)
        return waiter

    def __reduce__(self):
        raise TypeError("a gopyrpc Future cannot be pickled: return it from a function, or send its value")

    def __repr__(self):
        state = ("pending", "done", "done", "done", "failed")[self._state]
        return f"<gopyrpc.Future {state} at {id(self):#x}>"

    # What follows is for this package.

    def _set(self, state, content):
        with self._lock:
            if self._state != _PENDING:
                raise RuntimeError("Future can only be marked completed once: it has an outcome")
            self._content = content
            self._state = state
            callbacks, self._callbacks = self._callbacks, None
            events, self._events = self._events, []
        for event in events:
            event.set()
        for callback in callbacks:
            self._call(callback)

    def _deliver(self, reply, host, awake):
        """Set what came from a worker; it is looked at by whoever wants it first.

        Who waits in *host*'s Go is put into *awake*, by number. Returns whether somebody must be
        found to call the callbacks.
        """
        with self._lock:
            if self._state != _PENDING:
                return False
            self._content = reply
            self._state = _RAW
            callbacks = self._callbacks
            events, self._events = self._events, []
            if not callbacks:
                self._callbacks = None
        for event in events:
            event.set(host, awake)
        return bool(callbacks)

    def _run_callbacks(self):
        with self._lock:
            callbacks, self._callbacks = self._callbacks, None
        for callback in callbacks or ():
            self._call(callback)

    def _add(self, callback):
        with self._lock:
            if self._callbacks is not None:
                self._callbacks.append(callback)
                return
        self._call(callback)

    def _call(self, callback):
        try:
            callback(self)
        except BaseException:
            import logging

            logging.getLogger(PACKAGE).exception("a callback of %r raised", self)

    def _await(self, timeout):
        return self._await_change((_PENDING,), timeout)

    def _await_change(self, states, timeout):
        event = _Event()
        with self._lock:
            if self._state not in states:
                return True
            self._events.append(event)
        try:
            if event.wait(timeout, self._source):
                return True
        except BaseException:
            self._give_up(event)
            raise
        self._give_up(event)
        return self._state not in states

    def _give_up(self, event):
        with self._lock:
            if event in self._events:
                self._events.remove(event)
                return
        event.wait(1e-9)  # it has been set, or is just being

    def _outcome(self):
        while self._state in (_RAW, _READING):
            if self._state == _RAW:
                self._read()
            else:
                self._await_change((_READING,), None)
        if self._state == _FAILED:
            raise self._content
        return self._content

    def _read(self):
        """Make a value of what came. Once: an RRef in it can be adopted once only."""
        with self._lock:
            if self._state != _RAW:
                return
            self._state = _READING
        try:
            self._become(_VALUE, _read(self._content))
        except BaseException as exc:
            if is_interruption(exc):
                self._become(_RAW, self._content)  # others have time to read it
                raise
            self._become(_FAILED, exc)

    def _become(self, state, content):
        """End the reading."""
        with self._lock:
            if self._state != _READING:
                return
            self._content, self._state = content, state
            events, self._events = self._events, []
        for event in events:
            event.set()


_numbers = count(1)


class _Event:
    """Something to wait for once: in Go where there is an agent, as a permit goes back meanwhile."""

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
        """Wait; *source* is a call whose outcome sets this: (host, ticket), or None."""
        host = self._host
        if host is not None:
            ticket = source[1] if source is not None and source[0] is host else 0
            return host.wait(self._id, 0.0 if timeout is None else max(float(timeout), 1e-9), ticket)
        return self._lock.acquire(timeout=-1 if timeout is None else timeout)

    def set(self, host=None, awake=None):
        """Let who waits go on. Who waits in *host*'s Go is left to the caller: their numbers go into *awake*."""
        if self._host is None:
            self._lock.release()
        elif self._host is host:
            awake.append(self._id)
        else:
            self._host.set(self._id)


def _carried(callback):
    """Return *callback*, which for a restricted worker runs as part of what is being served.

    It may run in any thread, or in what serves another worker. What it asks of the restricted
    one is held to that one's list all the same: see `bound` of calls.
    """
    caller = hosts.serving.get()
    if caller is None or caller.policy is None:
        return callback
    context = copy_context()
    return lambda done: context.run(callback, done)


def _require_callable(callback):
    if not callable(callback):
        raise TypeError(f"a callback must be callable, not {callback!r}")


def collect_all(futures):
    """Return a future whose value is the list of *futures*, once all are done."""
    futures = list(futures)
    all_done = Future()
    left = len(futures)
    lock = allocate_lock()
    if not futures:
        all_done.set_result(futures)

    def one_more(_):
        nonlocal left
        with lock:
            left -= 1
            last = left == 0
        if last:
            all_done.set_result(futures)

    for future in futures:
        future.add_done_callback(one_more)
    return all_done


def wait_all(futures):
    """Wait for all; return the list of values, or raise the first exception in their order."""
    futures = list(futures)
    for future in futures:
        if not future.done():
            future._await(None)
    return [future.wait() for future in futures]
