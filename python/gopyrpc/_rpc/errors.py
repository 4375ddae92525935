"""How a call fails that brought no outcome of the function. All are RuntimeErrors, as torch's are."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from .._name import INTERNAL


class RpcError(RuntimeError):
    """A call, or what an RRef was asked for, failed on the way.

    ``code`` is gRPC's name of the reason ("Unavailable", "ResourceExhausted", ...),
    ``worker`` whom it concerns, and ``ran`` tells whether the function may have run.
    """

    code, worker, ran = "Unknown", "", True

    def __init__(self, message="", code="Unknown", worker="", ran=True):
        super().__init__(message)
        self.code, self.worker, self.ran = code, worker, ran

    def __reduce__(self):
        return type(self), (*self.args, self.code, self.worker, self.ran)


class UnknownWorker(RuntimeError, ValueError):
    """The group has no worker of that name or rank."""


class InvalidDestination(TypeError, ValueError):
    """A destination is neither a name, nor a rank, nor a WorkerInfo."""


class NotAFuture(RuntimeError, TypeError):
    """A function that is decorated with async_execution has returned no future."""


class RpcTimeoutError(RpcError, TimeoutError):
    """The time for a call was over. Its text begins as torch's does, with ``RPCErr:1:RPC ran for more than set timeout``."""

    __str__ = RuntimeError.__str__


class RpcConnectionError(RpcError, ConnectionError):
    """The worker cannot be reached, or has gone."""

    __str__ = RuntimeError.__str__


# Their name in pickles: see internal.
for _cls in (RpcError, RpcTimeoutError, RpcConnectionError, UnknownWorker, InvalidDestination, NotAFuture):
    _cls.__module__ = INTERNAL
del _cls


_OVERDUE = "RPC ran for more than set timeout"


def _overdue(text, limit):
    """Return *text* with torch's words before it, and *limit*, in milliseconds, if that is what was exceeded."""
    words, said, rest = text.partition(" ms) and will now be marked with an error")
    before, _, counted = words.rpartition("(")
    if not said or not before.endswith(_OVERDUE + " ") or not (counted.isascii() and counted.isdigit()) or len(counted) > 18:
        long = f" ({limit} ms)" if limit else ""
        return f"{_OVERDUE}{long} and will now be marked with an error: {text}"
    # Go counts from the call on, which begins a little later than the time that was set for it. A call
    # that runs within another ends with that one's deadline, which may be much sooner.
    counted = int(counted)
    if 0 <= limit - counted <= max(100, limit // 10):
        counted = limit
    doing = before[: -len(_OVERDUE) - 1].rstrip(": ")
    return f"{_OVERDUE} ({counted}{said}{rest}" + (f": {doing}" if doing else "")


def failure(code, worker, ran, text, what="", timeout=0):
    """Make the exception for what Go says of *what*, which may take *timeout* seconds, 0 where that is not known."""
    if code == "DeadlineExceeded":
        text = _overdue(text, round(timeout * 1000))
        subject = " at ".join(part for part in (what, worker and f"worker {worker}") if part)
        if subject:
            text = f"{text} ({subject})"
        return RpcTimeoutError(f"RPCErr:1:{text}", code, worker, ran)
    if code in ("Unavailable", "DataLoss"):
        return RpcConnectionError(text, code, worker, ran)
    if code == "NotFound":  # of a group that grows: the worker has left
        return UnknownWorker(text)
    return RpcError(text, code, worker, ran)
