"""Future: counterpart of ``torch.futures.Future``."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _thread import allocate_lock
from contextvars import copy_context
from sys import modules

from .._introspect import is_interruption, text_of, type_name
from .._name import PACKAGE
from .._public import public
from .._uninterruptible import uninterruptible
from . import hosts
from .event import Event

_PENDING, _RAW, _READING, _VALUE, _FAILED = range(5)

# What `_deliver` leaves to be done, on a thread of the agent's.
UNREAD = 1  # to read the reply, if nobody has soon
CALLBACKS = 2  # and to run callbacks, which may wait


_read = None  # makes a value of a reply


def read_by(function):
    """Set the function that returns the value of a reply (see `_deliver`) to a call of a Host, or raises its exception."""
    global _read
    _read = function


class Future:
    """The outcome of a call: a value or an exception, which is set exactly once.

    Any thread may use it. Callbacks run in the thread that sets the outcome, or, of a
    future that is done, at once; ``await future`` works in any asyncio event loop.
    Where torch is imported, what ``Future()`` and rpc_async return is a
    ``torch.futures.Future``, too.
    """

    __slots__ = ()  # torch's classes have an object layout of their own, so the fields are those of subclasses

    #: Whether the agent reads the reply to a call soon after it came, where nobody else has by then.
    _is_read_soon = False

    def __new__(cls, *, devices=None):
        if cls is not Future:
            return super().__new__(cls)
        cls = _class()
        return cls.__new__(cls)

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
            raise NotAnException(f"{exception} is of type {type(exception)}, not an Exception.")
        self._set(_FAILED, exception)

    def then(self, callback):
        """Return a future for ``callback(self)``, which is called once this one is done.

        What the callback raises is the ``__cause__`` of the RuntimeError that the future raises, as in torch.
        """
        _require_callable("then", callback)
        callback = _carried(callback)
        following = new()

        def run(done):
            try:
                result = callback(done)
            except BaseException as exc:
                following.set_exception(_failed_callback(exc))
            else:
                following.set_result(result)

        self._add(run)
        return following

    def add_done_callback(self, callback):
        """Call ``callback(self)`` once this is done. What it raises is logged."""
        _require_callable("add_done_callback", callback)
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
        raise TypeError(
            f"Can not pickle {self._NAME}: send its value; a function that returns one, to be waited for where"
            " it ran, is decorated with @gopyrpc.functions.async_execution"
        )

    _NAME = f"{PACKAGE}.Future"

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
        callbacks += [event.set() for event in events]
        self._publish()
        for callback in callbacks:
            if callback is not None:
                self._call(callback)

    @uninterruptible
    def _deliver(self, reply, host, awake):
        """Set what came from a worker, which the first thread that wants the value reads.

        The numbers of the events that threads wait for in *host*'s Go are added to *awake*. Return
        what is left to be done: UNREAD, CALLBACKS, or 0.
        """
        with self._lock:
            if self._state != _PENDING:
                return 0
            self._content = reply
            self._state = _RAW
            callbacks = self._callbacks
            events, self._events = self._events, []
            if not callbacks:
                self._callbacks = None
        has_reader = False
        more = []
        for event in events:
            has_reader = has_reader or type(event) is Event
            callback = event.set(host, awake)
            if callback is not None:
                more.append(callback)
        if more:
            with self._lock:
                callbacks = self._callbacks = [*(self._callbacks or ()), *more]
        if callbacks:
            return CALLBACKS
        return UNREAD if self._is_read_soon and not has_reader else 0

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

            logging.getLogger(PACKAGE).exception("Got the following error when running the callback of %r", self)

    def _await(self, timeout):
        return self._await_change((_PENDING,), timeout)

    def _await_change(self, states, timeout):
        event = Event()
        with self._lock:
            if self._state not in states:
                return True
            self._events.append(event)
        try:
            if event.wait(timeout, self._source):
                return True
        except BaseException:
            self._give_up(event)
            self._leave_unread()
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
                self._leave_unread()
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
        if state != _RAW:
            self._publish()

    def _may_have_failed(self):
        """Tell whether the outcome may be an exception, of a future that is done."""
        state, content = self._state, self._content
        if state in (_VALUE, _FAILED):
            return state == _FAILED
        if type(content) is list:
            if len(content) == 3:
                return True  # a canonical pickle, which does not say
            content = content[0]
        return type(content) is tuple or b"_remote_exception" in content[:200]

    def _publish(self):
        """Pass the value or exception on to what waits for it outside Python."""

    def _leave_unread(self):
        """Called by a thread that was to read the reply, which may have come, and does not."""


class PlainFuture(Future):
    """A Future where there is no torch."""

    __slots__ = ("_state", "_content", "_lock", "_callbacks", "_events", "_source", "__weakref__")
    __new__ = object.__new__
    __init__ = Future.__init__


class NotAnException(AssertionError, TypeError):
    """torch asserts that what a future is to raise is an exception."""


_torch_class = None  # once there is torch
_making_it = allocate_lock()


def _class():
    """Return the class of new futures: one of torch's too, once torch is imported."""
    global _torch_class
    if _torch_class is None and hasattr(modules.get("torch.futures"), "wait_all"):  # which is the module's last name
        from .torch_future import make_class

        with _making_it:
            if _torch_class is None:
                _torch_class = make_class(Future, _PENDING, _RAW, _FAILED) or PlainFuture
    return _torch_class or PlainFuture


def new():
    return (_torch_class or _class())()


def know_torch():
    """Have torch's functions for futures changed, if torch is imported: see torch_future. For functions that make futures of torch's own."""
    if _torch_class is None and "torch.futures" in modules:
        _class()


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


def _require_callable(what, callback):
    if not callable(callback):
        raise TypeError(f"{what}(): incompatible function arguments. A callback must be callable, not {callback!r}")


def _failed_callback(exc):
    """Return the exception for what a callback of `then` raised, with torch's words."""
    failure = RuntimeError(f"Got the following error when running the callback: {type_name(type(exc))}: {text_of(exc)}")
    failure.__cause__ = exc
    return failure


public(Future)
PlainFuture.__module__, PlainFuture.__name__, PlainFuture.__qualname__ = PACKAGE, "Future", "Future"
