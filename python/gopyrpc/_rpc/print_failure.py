"""Printing what functions raise, on the worker where they run, as torch does: nobody may wait for the outcome elsewhere."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

import sys

from .._name import INTERRUPTED

# What ends a function whose caller has left, or has waited long enough: nothing that the function did.
_ENDED = (INTERRUPTED, "asyncio.exceptions.CancelledError")

# Of a longer text the middle is left out. What fails a thousand nested calls deep is printed a thousand times, each time
# with the tracebacks of all calls below: without a bound that were a gigabyte.
_LONGEST = 32768  # characters


def print_failure(failure, caller):
    """Print the text of a RemoteException to standard error, if *caller*'s host is to. Never raises.

    What a restricted peer asked for is not printed: as often as it likes it could write a text of its own choice
    to this worker's terminal.
    """
    try:
        if caller.host.prints_failures and caller.policy is None and sys.stderr is not None and _name_of(failure) not in _ENDED:
            print(_shortened(failure.msg.rstrip("\n")), file=sys.stderr, flush=True)
    except BaseException:
        pass  # a standard error that is closed is not the caller's failure


def _name_of(failure):
    error = failure.record["errors"][0]
    return f"{error['module']}.{error['qualname']}"


def _shortened(text):
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"
