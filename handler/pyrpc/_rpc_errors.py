"""How a call fails that brought no outcome of the function. All are RuntimeErrors, as torch's are."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins


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


class RpcTimeoutError(RpcError, TimeoutError):
    """The time for a call was over. Its text begins as torch's does, with ``RPCErr:1:``."""

    __str__ = RuntimeError.__str__


class RpcConnectionError(RpcError, ConnectionError):
    """The worker cannot be reached, or has gone."""

    __str__ = RuntimeError.__str__


# Their name in pickles: see internal.
RpcError.__module__ = RpcTimeoutError.__module__ = RpcConnectionError.__module__ = "pyrpc.internal"


def failure(code, worker, ran, text):
    """Make the exception for what Go says."""
    if code == "DeadlineExceeded":
        return RpcTimeoutError(f"RPCErr:1:{text}", code, worker, ran)
    if code in ("Unavailable", "DataLoss"):
        return RpcConnectionError(text, code, worker, ran)
    return RpcError(text, code, worker, ran)
