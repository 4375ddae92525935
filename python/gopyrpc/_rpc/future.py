"""Future: counterpart of ``torch.futures.Future``."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _thread import allocate_lock
from contextvars import copy_context
from itertools import count

from .._introspect import is_interruption
from .._name import PACKAGE
from .._public import public
from .._uninterruptible import uninterruptible
from . import hosts

_PENDING, _RAW, _READING, _VALUE, _FAILED = range(5)


_read = None  # makes a value of a reply


def read_by(function):
    """Set the function that returns the value of a reply (see `_deliver`) to a call of a Host, or raises its exception."""
    global _read
    _read = function


class Future:
    """The outcome of a call: a value or an exception, which is set exactly once.

    Any thread may use it. Callbacks run in the thread that sets the outcome, or, of a
    future that is done, at once; ``await future`` works in any asyncio event loop.
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

        def notify(_):
            try:
                loop.call_soon_threadsafe(wake)
            except RuntimeError:
                pass  # the loop has been closed: nobody waits any more

        self._add(notify)
        return waiter

    def __reduce__(self):
        raise TypeError("a gopyrpc Future cannot be pickled: return it from a function, or send its value")

    def __repr__(self):
        state = ("pending", "done", "done", "done", "failed")[self._state]
        return f"<gopyrpc.Future {state} at {id(self):#x}>"

    # The rest is private to this package.

    @uninterruptible
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

    @uninterruptible
    def _deliver(self, reply, host, awake):
        """Set what came from a worker, which the first thread that wants the value reads.

        The numbers of the events that threads wait for in *host*'s Go are added to *awake*. Return
        whether there are callbacks, which the caller must have called.
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
        """Make the value of the reply. Do so once, as an RRef in it can be adopted once only."""
        with self._lock:
            if self._state != _RAW:
                return
            self._state = _READING
        try:
            self._become(_VALUE, _read(self._source and self._source[0], self._content))
        except BaseException as exc:
            if is_interruption(exc):
                self._become(_RAW, self._content)  # others have time to read it
                raise
            self._become(_FAILED, exc)

    @uninterruptible
    def _become(self, state, content):
        """Set what `_read` made of the reply, and wake the threads that wait for it."""
        with self._lock:
            if self._state != _READING:
                return
            self._content, self._state = content, state
            events, self._events = self._events, []
        for event in events:
            event.set()


_numbers = count(1)


class _Event:
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
        """Wait; *source* is a call whose outcome sets this: (host, ticket), or None."""
        host = self._host
        if host is not None:
            ticket = source[1] if source is not None and source[0] is host else 0
            return host.wait(self._id, 0.0 if timeout is None else max(float(timeout), 1e-9), ticket)
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


def _carried(callback):
    """Return *callback*, bound to the request that is being served if that makes a difference.

    The callback may run in any thread, also in one that serves another worker. The replies of a
    restricted worker to its calls are restricted all the same (see `bound` of calls), and where
    the process has several agents it acts for the one that serves the request.
    """
    caller = hosts.serving.get()
    if caller is None or caller.policy is None and not hosts.are_several():
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


public(Future, collect_all, wait_all)
