"""Decorators of functions that workers call. Counterpart of ``torch.distributed.rpc.functions``."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from functools import wraps


def async_execution(fn):
    """Mark *fn* as a function that returns a Future, whose outcome is the outcome of the call.

    The thread is free until then. With staticmethod and classmethod this decorator
    comes first: ``@staticmethod @async_execution def ...``.
    """

    @wraps(fn)
    def wrapper(*args, **kwargs):
        return fn(*args, **kwargs)

    wrapper._wrapped_async_rpc_function = fn
    return wrapper
