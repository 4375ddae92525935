"""RemoteException: the value that a failed UDF returns, and how it is raised.

torch's RemoteException is a pair of a text and a class, and the class travels by name. If the
receiver lacks the class, the *load* fails and the failure is lost. Ours travels as a
record of plain data (see capture), so it always arrives.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _pickle import loads as _loads

from .._errors import ForbiddenGlobal, RemoteError
from .._introspect import exact, get_dict, is_interruption, repr_of
from .._name import REMOTE
from .capture import _dump_values, capture, given
from .rebuild import _CannotRebuild, rebuild, require_exception, resolve
from .render import full_name, render


def _permit_all(module, qualname):
    return True


def _load_nested(part):
    """Load a part of a record that arrived under a policy. Go has read such a part; bytes that Go has not read are not loaded."""
    if type(part) is bytes:
        raise ForbiddenGlobal("a part of the record was not read", "")
    return part.load()


class RemoteException:
    """A failure, as a value. Immutable by convention; safe to share.

    ``RemoteException(msg, exception_type)`` works as torch's does. ``msg`` is the
    text ``On {worker}:\\n{repr}\\n{traceback}``. ``exception_type`` is the class, or
    RemoteError where that class is not to be had. A RemoteException that a UDF returns
    is raised at the caller; inside a container it is a plain value.
    """

    __slots__ = ("_msg", "_type", "_record", "_policy", "__weakref__")

    def __init__(self, msg, exception_type):
        self._msg = msg
        self._type = exception_type
        self._record = None
        self._policy = None

    @property
    def msg(self):
        if self._msg is None:
            self._msg = render(self._record)
        return self._msg

    @property
    def exception_type(self):
        if self._type is None:
            self._type = self._resolve()
        return self._type

    def _resolve(self):
        error = self._record["errors"][0]
        name = error["module"], error["qualname"]
        try:
            if self._policy is not None and not self._policy.permits_class(*name):
                return RemoteError
            cls = resolve(*name)
            return cls if issubclass(cls, BaseException) else RemoteError
        except (_CannotRebuild, TypeError):
            return RemoteError

    @property
    def record(self):
        """The structured form, see capture. The caller must not change it."""
        if self._record is None:
            text = self._msg
            text = exact(text) if isinstance(text, str) else repr_of(text)
            self._record = given(self._type, text)
        return self._record

    @property
    def worker(self):
        return self.record["worker"]

    @property
    def type_name(self):
        return full_name(self.record["errors"][0])

    @property
    def message(self):
        """``str()`` of the original exception, without the traceback."""
        return self.record["errors"][0]["text"]

    @property
    def mro(self):
        return tuple(self.record["errors"][0].get("mro") or ())

    @property
    def notes(self):
        return tuple(self.record["errors"][0].get("notes") or ())

    @property
    def frames(self):
        """A list of ``(file, line, function, source)``, the outermost call first."""
        return tuple(self.record["errors"][0].get("frames") or ())

    def to_exception(self):
        """Return the exception that `_handle_exception` raises."""
        policy = self._policy
        loads = _loads if policy is None else _load_nested
        permits = _permit_all if policy is None else policy.permits_class
        exc = rebuild(self.record, loads, permits, self._type_given())
        get_dict(exc)[REMOTE] = self
        return exc

    def _type_given(self):
        """The class that was given to the constructor here, never a class that a peer named."""
        cls = self._type
        try:
            return require_exception(cls) if self._policy is None else None
        except _CannotRebuild:
            return None

    def __iter__(self):  # torch's is a namedtuple: msg, exception_type = r
        return iter((self.msg, self.exception_type))

    def __eq__(self, other):
        if not isinstance(other, RemoteException):
            return NotImplemented
        return tuple(self) == tuple(other)

    def __hash__(self):
        return hash(self.msg)

    def __repr__(self):
        return (
            f"RemoteException(msg={repr_of(self.msg)},"
            f" exception_type={repr_of(self.exception_type)})"
        )

    def __setstate__(self, state):
        # A payload must not remove the policy that it arrived under.
        raise TypeError("the state of a RemoteException cannot be set")

    def __reduce__(self):
        # A subclass travels as this class: the receiver may not have it.
        record = self.record
        return _remote_exception, (record if self._policy is None else _portable(record),)


def _portable(record):
    """Return a record that arrived under a policy in the form that any peer reads.

    The parts that were let in are pickled anew: a worker that sends them on answers for them. The parts that were
    refused here are not sent on.
    """
    errors = []
    for error in record["errors"]:
        error = dict(error)
        for key in ("args", "state"):
            if error.get(key) is not None:
                try:
                    error[key] = _dump_values(error[key].load())
                except BaseException as exc:
                    if is_interruption(exc):
                        raise
                    error[key] = None
        errors.append(error)
    return {**record, "errors": errors}


def _remote_exception(record, policy=None):
    """Make a RemoteException of its record. A pickled RemoteException names this function."""
    self = RemoteException(None, None)
    self._record = record
    self._policy = policy
    return self


def from_exception(exc):
    """Return the RemoteException for *exc*. The function never raises."""
    return _remote_exception(capture(exc))


def is_remote_exception(obj):
    """Tell whether *obj* is a RemoteException, by its type, as ``__class__`` may lie or raise."""
    return issubclass(type(obj), RemoteException)


def _handle_exception(result):
    """Raise what *result* stands for if it is a RemoteException, else return.

    The exception has its original class, arguments, attributes, notes, causes and group
    members where that is possible; else it is a RemoteError. The remote traceback is printed
    with the exception, and ``exc.__gopyrpc_remote__`` is *result*.
    """
    if is_remote_exception(result):
        raise result.to_exception()
