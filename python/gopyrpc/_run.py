"""Running a PythonUDF."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from contextvars import Context
from sys import modules

from ._errors import NoSuchOverload
from ._exceptions.capture import is_debugging
from ._exceptions.remote import from_exception
from ._name import LOGGER
from ._tensors import torch_access
from ._udf import PythonUDF, check


def _run_function(python_udf):
    """Return the result of the UDF, or a RemoteException if it raised.

    The function never raises: SystemExit, KeyboardInterrupt and a *python_udf* that is not a
    PythonUDF end up in a RemoteException, too. The user's function
    runs in an empty contextvars context and with torch's grad mode on. Neither context nor grad mode
    is left on the thread. torch: ``_run_function``.
    """
    return Context().run(call, python_udf)


def call(udf):
    """`_run_function` within the context of the caller."""
    switch = torch_access.grad_switch() if "torch" in modules else None
    func = None
    try:
        if switch is not None:
            switch(True)
        if type(udf) is not PythonUDF:
            check(udf)
        func, args, kwargs = udf
        if type(args) is not tuple or type(kwargs) is not dict:
            check(udf)
        return func(*args, **kwargs)
    except BaseException as exc:
        return failed(why(exc, func, udf))
    finally:
        if switch is not None:
            switch(True)


def why(exc, func, udf):
    """Return *exc*, or, where *exc* only says "not callable", an exception that says what was to be called.

    That is checked here and not before the call, as most calls work.
    """
    if type(exc) is TypeError and "torch" in modules and torch_access.is_operator(func):
        better = NoSuchOverload(f"{torch_access.no_overload()}: {exc}")
        better.__cause__ = exc
        return better
    if type(exc) is TypeError and not callable(func):
        try:
            check(udf)
        except TypeError as better:
            better.__suppress_context__ = True  # the context says only "object is not callable"
            return better
    return exc


def failed(exc):
    """Return the RemoteException for *exc*, which left a UDF. The function never raises."""
    result = from_exception(exc)
    _log(result)
    return result


def _log(result):
    """Log at DEBUG if the program uses logging. The function never imports logging, and never prints."""
    try:
        if is_debugging():
            modules["logging"].getLogger(LOGGER).debug("%s", result.msg)
    except BaseException:
        pass  # a broken log handler is not the caller's failure
