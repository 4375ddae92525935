"""The class of Futures where torch is imported: they are torch's, too."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _thread import allocate_lock, start_new_thread
from sys import modules

from .._name import PACKAGE
from . import hosts
from .event import wait_until_called


def make_class(future, pending, raw, failed):
    """Make the class, of *future*, and have torch's functions for futures know it.

    *pending*, *raw* and *failed* are states. Return None if this torch's futures are others.
    """
    c_module = modules.get("torch._C")
    base = modules["torch.futures"].Future
    c_future = getattr(c_module, "Future", None)
    if not (isinstance(c_future, type) and issubclass(base, c_future) and hasattr(c_future, "_set_unwrap_func")):
        return None
    cls = _derive(future, base, c_future, pending, raw, failed)
    _teach_collect_all(c_module, cls)
    _teach_wait(c_future, cls)
    return cls


def _derive(future, base, c_future, pending, raw, failed):
    init, set_result, set_unwrap = c_future.__init__, c_future.set_result, c_future._set_unwrap_func
    no_devices = []

    class TorchFuture(future, base):
        """A Future whose C++ side is done when the reply has been read, for what waits there."""

        __slots__ = ("_state", "_content", "_lock", "_callbacks", "_events", "_source")
        __new__ = c_future.__new__

        _is_read_soon = True
        _NAME = "torch.futures.Future"

        def __init__(self, *, devices=None):
            if devices:
                raise ValueError("futures with devices are not supported: tensors travel by way of the CPU")
            init(self, no_devices)
            # As Future's, which it would cost a tenth of a microsecond to call.
            self._state = pending
            self._content = self._source = None
            self._lock = allocate_lock()
            self._callbacks = []
            self._events = []

        def _publish(self):
            if self._state == failed:
                set_unwrap(self, _raise)
            set_result(self, self._content)

        def _leave_unread(self):
            if self._state == raw:
                start_new_thread(self._read, ())

    TorchFuture.__module__, TorchFuture.__name__, TorchFuture.__qualname__ = PACKAGE, "Future", "Future"
    return TorchFuture


def _raise(exc):
    raise exc


def _teach_collect_all(c_module, cls):
    """Have ``torch._C._collect_all`` end with the first of our futures that fails.

    In C++ a future's failure is C++'s, which Python cannot set: torch's own collect_all of futures that failed in
    Python waits for all of them. Lists of other futures are torch's as ever.
    """
    theirs = c_module._collect_all

    def _collect_all(futures):
        if any(isinstance(future, cls) for future in futures):
            return modules[PACKAGE].collect_all(futures)
        return theirs(futures)

    _collect_all.__wrapped__ = theirs
    c_module._collect_all = _collect_all


def _teach_wait(c_future, cls):
    """Have ``torch._C.Future.wait`` wait in Go where there is an agent, for futures of torch's own, too.

    A call that waits in C keeps its permit, and the call that would set the future may find none; nor does an
    interruption end it.
    """
    theirs = c_future.wait

    def wait(self):
        if isinstance(self, cls):
            return self.wait()
        if not self.done() and hosts.find() is not None:
            if not wait_until_called(self.add_done_callback):
                raise TimeoutError("the wait for a future was ended")
        return theirs(self)

    wait.__wrapped__ = theirs
    wait.__doc__ = theirs.__doc__
    c_future.wait = wait
