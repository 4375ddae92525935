"""Printing what functions raise, on the worker where they run, as torch does: nobody may wait for the outcome elsewhere."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

import sys

from .._name import INTERRUPTED

# What ends a function whose caller has left, or has waited long enough: nothing that the function did.
_ENDED = (INTERRUPTED, "asyncio.exceptions.CancelledError")


def print_failure(failure, host):
    """Print the text of a RemoteException to standard error, if *host* is to. Never raises."""
    try:
        if host.prints_failures and _name_of(failure) not in _ENDED:
            print(failure.msg.rstrip("\n"), file=sys.stderr, flush=True)
    except BaseException:
        pass  # a standard error that is closed is not the caller's failure


def _name_of(failure):
    error = failure.record["errors"][0]
    return f"{error['module']}.{error['qualname']}"
