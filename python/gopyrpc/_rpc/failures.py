"""What a launcher hears of a program that failed, where Python is the host.

When a worker's program fails, the workers that wait for it fail too. The launcher (gopyrpc run -n) is to name the first,
and a person is to read one traceback and not as many as there are workers. So an exception that nobody caught is
reported at once, before this worker leaves its group and wakes the others; and of one that only says that another worker
was lost, one line is printed under a launcher.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

import os
import stat
import sys

from .._name import PACKAGE
from .errors import RpcConnectionError, RpcError

# Of package cmd/gopyrpc/launch: "descriptor:inode" of the pipe to it.
_LAUNCHER = "GOPYRPC_LAUNCHER"
# What torchrun sets for its workers: it shows what each printed.
_TORCHRUN = "TORCHELASTIC_RUN_ID"


def watch():
    """Have exceptions that nobody catches reported to the launcher, if there is one."""
    pipe = _pipe(os.environ.pop(_LAUNCHER, ""))
    if pipe is None and _TORCHRUN not in os.environ:
        return
    usual = sys.excepthook
    pid = os.getpid()

    def excepthook(kind, exc, traceback):
        lost = issubclass(kind, RpcConnectionError)
        if pipe is not None and os.getpid() == pid and not issubclass(kind, KeyboardInterrupt):
            _report(pipe, pid, issubclass(kind, RpcError))
        if lost:
            print(_consequence(exc, traceback), file=sys.stderr)
        else:
            usual(kind, exc, traceback)

    sys.excepthook = excepthook


def _pipe(text):
    """Return the descriptor that the variable tells of, if this process has inherited it."""
    descriptor, _, inode = text.partition(":")
    if not descriptor.isdecimal() or not inode.isdecimal():
        return None
    try:
        found = os.fstat(int(descriptor))
    except OSError:
        return None
    if not stat.S_ISFIFO(found.st_mode) or found.st_ino != int(inode):
        return None
    os.set_inheritable(int(descriptor), False)  # it is for this process alone
    return int(descriptor)


def _report(pipe, pid, victim):
    try:
        os.write(pipe, b"%d 1 %s\n" % (pid, b"true" if victim else b"false"))
    except OSError:
        pass  # the launcher has gone


def _consequence(exc, traceback):
    """Return the line for a worker that ends since it lost another: what, and where in the program."""
    where = ""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not traceback.tb_frame.f_globals.get("__name__", "").startswith(PACKAGE):
            where = f" ({code.co_filename}, line {traceback.tb_lineno})"
        traceback = traceback.tb_next
    return f"{PACKAGE}: this worker ends, as another has: {type(exc).__name__}: {exc}{where}"
