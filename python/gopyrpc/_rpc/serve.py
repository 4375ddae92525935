"""What Go calls when a worker asks for something."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _pickle import loads
from contextvars import Context

from .._errors import ForbiddenGlobal
from .._introspect import type_name
from .._pickling.pickler import SCALARS, load, loads_with
from .._restricted.canonical import Names
from .._run import call, failed
from .._udf import PythonUDF
from .caller import Caller
from .calls import pack
from .future import Future
from .hosts import Box
from .rref import arriving, await_confirmation


def serve(data, extra):
    """Run a pickled PythonUDF; *extra* is the Caller, or a list of it and the tensors.

    Returns what `answer` does, or a Future of the result. Nothing is raised: what went
    wrong travels as a RemoteException.
    """
    caller, tensors = (extra, ()) if type(extra) is Caller else extra
    return Context().run(_serve, data, tensors, caller, False)


def serve_beside(data, beside):
    """`serve` for a restricted worker: of a canonical pickle, with what `load_beside` takes."""
    return Context().run(_serve, data, beside, _sender(beside), True)


def _serve(data, extra, caller, canonical):
    result = _run(data, extra, caller, canonical)
    data = extra = None
    return result if type(result) is Future else answer(result, caller)


def serve_remote(data, extra):
    """`serve` that returns the result itself, to be kept, or a Future of it."""
    caller, tensors = (extra, ()) if type(extra) is Caller else extra
    return Context().run(_run, data, tensors, caller, False)


def serve_remote_beside(data, beside):
    """`serve_remote` for a restricted worker."""
    return Context().run(_run, data, beside, _sender(beside), True)


def _sender(beside):
    """Return the Caller that a pickle came from, by what stands beside it."""
    if type(beside) is list:  # and tensors
        beside = beside[0]
    return (beside if type(beside) is Names else beside[0]).owner


def _run(data, extra, caller, canonical):
    """Read a request and run it. *extra* is its tensors, or what stands beside a *canonical* pickle."""
    caller.enter()
    came = []
    arriving.set(came)
    try:
        if canonical:
            udf = caller.load(data, extra)
            if type(udf) is not PythonUDF:
                raise TypeError(f"a restricted worker may send a PythonUDF, not a {type_name(type(udf))}")
        elif caller.policy is not None:
            raise ForbiddenGlobal(f"what worker {caller.name} has sent was not read under its list")
        elif extra:
            udf = load(data, extra, loads)
        else:  # no tensors here, and none of an outer call: the context is new
            udf = loads_with(loads, data)
        if came:
            await_confirmation(came)
    except BaseException as exc:
        return failed(exc)
    finally:
        arriving.set(None)
        data = extra = None
    return _outcome(udf)


def _outcome(udf):
    """Call it, and return its result or a Future of that."""
    result = call(udf)
    kind = type(result)
    if kind is Future or kind in SCALARS or not hasattr(kind, "__await__"):
        marked = getattr(udf, "func", None)
        if getattr(marked, "_wrapped_async_rpc_function", None) and not _is_outcome(result):
            return failed(_not_a_future(result))
        return result
    from .coroutines import prepare

    return prepare(result)  # when_done or when_kept begins it


def _is_outcome(result):
    from .._exceptions.remote import RemoteException

    return type(result) is Future or type(result) is RemoteException


def _not_a_future(result):
    cls = type(result)
    return TypeError(
        "Functions decorated with @gopyrpc.functions.async_execution must return a gopyrpc.Future"
        f" object, but got {cls.__module__}.{cls.__qualname__}"
    )


def answer(result, caller):
    """Pickle a result for the caller: bytes, a list of bytes to be joined, or ``(bytes, tensors)``. Never raises."""
    try:
        data, tensors, _ = pack(caller.host, caller.name, result)
    except BaseException as exc:
        data, tensors, _ = pack(caller.host, caller.name, failed(exc))
    return (data, tensors) if tensors else data


def fetch(value, caller):
    """`answer` of an RRef's value, where bytes alone are ``(bytes, ())``. Never raises."""
    made = Context().run(_fetch, value, caller)
    return (made, ()) if type(made) is bytes else made


def _fetch(value, caller):
    caller.enter()
    return answer(value, caller)


def result_of(future):
    """Return the value of a Future that is done, or a RemoteException."""
    try:
        return future.wait()
    except BaseException as exc:
        return failed(exc)


def when_done(future, caller, deliver):
    """Call Go's *deliver* with what travels back, once there is an outcome."""
    _begin(future)
    future.add_done_callback(_entered(caller, lambda done: deliver(answer(result_of(done), caller))))


def _entered(caller, callback):
    """Return *callback*, which for a restricted worker is to run as what serves it does: it pickles."""
    if caller.policy is None:
        return callback

    def entered(done):
        def run():
            caller.enter()
            callback(done)

        Context().run(run)

    return entered


def _begin(future):
    from .coroutines import begin

    begin(future)


def abandon(future):
    """Nobody waits for this outcome any more: end the coroutine that makes it, if one does."""
    from .coroutines import cancel

    cancel(future)


def when_kept(future, caller, deliver):
    """Call Go's *deliver* with the outcome of a Future, once there is one, to be kept."""
    _begin(future)
    future.add_done_callback(_entered(caller, lambda done: deliver(Box(result_of(done)))))
