"""What torch has and gopyrpc has not: the errors that say so."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from .._public import public


def lacking(what):
    """Return the exception for a program that asks for *what*. It is a RuntimeError, too."""
    return NotImplementedError(f"gopyrpc does not have {what} yet")


def lacks(what, name):
    """Return a function, or what stands for a class, that a program can import, and whose call says that *what* is lacking."""

    def function(*args, **kwargs):
        raise lacking(what)

    function.__name__ = function.__qualname__ = name
    return function


_PROFILER = "a profiler of calls"

_build_rpc_profiling_key = lacks(_PROFILER, "_build_rpc_profiling_key")
_server_process_global_profile = lacks(_PROFILER, "_server_process_global_profile")
_set_profiler_node_id = lacks(_PROFILER, "_set_profiler_node_id")
enable_gil_profiling = lacks("a profiler of the GIL", "enable_gil_profiling")

public(_server_process_global_profile, _set_profiler_node_id, enable_gil_profiling)
