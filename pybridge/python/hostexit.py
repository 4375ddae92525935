"""The end of an interpreter that is somebody else's. Names from names.py."""

# ruff: noqa: F821

import atexit
from os import getpid


def when_host_ends(close):
    """Has close() called when the interpreter ends: in this process, and not in those that it forks, which may end
    the usual way too, and in which Go does not run. Gives what `forget_host_end` takes."""
    here = getpid()

    def ends():
        if getpid() == here:
            close()

    atexit.register(ends)
    return ends


def forget_host_end(ends):
    atexit.unregister(ends)
