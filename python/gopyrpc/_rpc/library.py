"""The Go side of this package where Python is the host: a shared library beside the package's files.

`load` is called by `init_rpc`, and not by an import: a program that imports the package and starts no agent has no
thread of Go's, and forks as it likes. In a process that a Go program runs Python in, that program is the Go side, and
the library is never loaded.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

import atexit
import os
import sys
from threading import Lock

from .._name import BRIDGE, PACKAGE
from . import failures, hosts

FILE = f"lib{PACKAGE}.so"

# How long a program's end waits for its agent to leave, in seconds.
LEAVING_SECONDS = 3

_ROOM = 4096  # for an error's text, in bytes

_loading = Lock()
_library = None


def load():
    """Load the library, once in a process, and let it provide what `init_rpc` starts agents by.

    RuntimeError where the library cannot be had or cannot work; ImportError where its version is not the package's.
    """
    global _library
    with _loading:
        if _library is not None:
            return
        if BRIDGE in sys.modules:
            raise RuntimeError(
                "init_rpc() works in a process whose Go program lets Python start agents (pyworker.Provide): this one does not"
            )
        try:
            import ctypes
        except ImportError as exc:  # in a subinterpreter that is isolated, say
            raise RuntimeError(f"{PACKAGE} cannot start an agent in an interpreter without ctypes: {exc}") from exc

        if _in_subinterpreter(ctypes):
            raise RuntimeError(
                f"{PACKAGE} cannot start an agent in a subinterpreter: call init_rpc() in the process's main interpreter, or in a"
                " process of its own"
            )
        library = _open(ctypes)
        _start(ctypes, library)
        _library = library
        os.register_at_fork(after_in_child=hosts.forked)
        atexit.register(_leave, ctypes, library, os.getpid())
        failures.watch()


def path():
    """Return where the library is expected: beside the package's files."""
    return os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), FILE)


def _in_subinterpreter(ctypes):
    """Tell whether this is another interpreter than the one that threads of Go's enter."""
    if sys.implementation.name != "cpython":
        return False
    current, main = ctypes.pythonapi.PyInterpreterState_Get, ctypes.pythonapi.PyInterpreterState_Main
    current.restype = main.restype = ctypes.c_void_p
    return current() != main()


def _open(ctypes):
    file = path()
    elsewhere = _elsewhere()
    if elsewhere:
        raise RuntimeError(f"{PACKAGE} cannot start an agent {elsewhere}. {_supported()}")
    if not os.path.exists(file):
        raise RuntimeError(_lacking(file))
    try:
        return ctypes.CDLL(file)
    except OSError as exc:
        raise RuntimeError(f"{PACKAGE}'s library could not be loaded: {exc}. {_supported()}") from exc


def _lacking(file):
    return (
        f"this installation of {PACKAGE} has no {FILE} (looked for {file}), without which it cannot start an agent:"
        f" pip install {PACKAGE}, or in a checkout make library"
    )


def _elsewhere():
    """Return where this program runs, if that is nowhere the library does, else ""."""
    if sys.platform != "linux":
        return f"on {sys.platform}"
    machine = os.uname().machine
    if machine not in ("x86_64", "aarch64"):
        return f"on Linux on {machine}"
    if "CS_GNU_LIBC_VERSION" not in os.confstr_names:
        return "on Linux with another C library than glibc"
    if sys.implementation.name != "cpython":
        return f"in {sys.implementation.name}"
    return ""


def _supported():
    return "Supported are Linux with glibc 2.28 or newer on x86_64 and aarch64, and CPython 3.9 to 3.15"


def _start(ctypes, library):
    from .. import __version__

    text = ctypes.create_string_buffer(_ROOM)
    library.gopyrpc_version.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    library.gopyrpc_version(text, _ROOM)
    theirs = text.value.decode(errors="replace")
    if theirs != __version__:
        raise ImportError(
            f"{PACKAGE}'s Python files are of version {__version__} and its library, {path()}, is of version {theirs}:"
            f" pip install --force-reinstall {PACKAGE}"
        )
    library.gopyrpc_start.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    if library.gopyrpc_start(text, _ROOM):
        raise RuntimeError(f"{PACKAGE} cannot start: {text.value.decode(errors='replace')}")


def _leave(ctypes, library, pid):
    """End the agent that the program left running.

    A function of atexit: threads that the program waits for have ended by then, and may have used the agent until they
    did. It runs before the one that lets Go in no more, which was registered earlier.
    """
    if os.getpid() != pid:
        return  # a child that was forked, in which Go does not run
    text = ctypes.create_string_buffer(_ROOM)
    library.gopyrpc_leave.argtypes = [ctypes.c_double, ctypes.c_char_p, ctypes.c_size_t]
    if library.gopyrpc_leave(LEAVING_SECONDS, text, _ROOM):
        print(f"{PACKAGE}: at the end: {text.value.decode(errors='replace')}", file=sys.stderr)
