"""What Go calls when a worker asks for something."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _pickle import loads
from contextvars import Context

from .._errors import ForbiddenGlobal
from .._exceptions.remote import RemoteException
from .._introspect import type_name
from .._pickling.pickler import load, loads_with
from .._restricted.canonical import Names
from .._run import call, failed
from .._udf import PythonUDF
from .caller import Caller
from .calls import pack
from .future import know_torch
from .hosts import Box
from .later import Later, later
from .print_failure import print_failure
from .rref import arriving, await_confirmation


def serve(data, extra):
    """Run a pickled PythonUDF; *extra* is the Caller, or a list of it and the tensors.

    Returns what `answer` does, or the Later of the result. Nothing is raised: what went
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
    return result if type(result) is Later else answer(result, caller)


def serve_remote(data, extra):
    """`serve` that returns the result itself, to be kept, or the Later of it."""
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
        failure = failed(exc)
        if caller.policy is None:  # what a restricted worker is refused is logged
            print_failure(failure, caller)
        return failure
    finally:
        arriving.set(None)
        data = extra = None
    result = _outcome(udf)
    if type(result) is RemoteException:
        print_failure(result, caller)
    return result


def _outcome(udf):
    """Call it, and return its result or the Later of that."""
    know_torch()
    result = call(udf)
    try:
        return later(getattr(udf, "func", None), result)
    except BaseException as exc:
        return failed(exc)


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


def result_of(future, caller):
    """Return the value of a Future that is done, or a RemoteException."""
    try:
        return future.wait()
    except BaseException as exc:
        failure = failed(exc)
    print_failure(failure, caller)
    return failure


def when_done(later, caller, deliver):
    """Call Go's *deliver* with what travels back, once there is an outcome."""
    _begin(later.future)
    later.future.add_done_callback(_entered(caller, lambda done: deliver(answer(result_of(done, caller), caller))))


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


def abandon(later):
    """Nobody waits for this outcome any more: end the coroutine that makes it, if one does."""
    from .coroutines import cancel

    cancel(later.future)


def when_kept(later, caller, deliver):
    """Call Go's *deliver* with the outcome of a Later, once there is one, to be kept."""
    _begin(later.future)
    later.future.add_done_callback(_entered(caller, lambda done: deliver(Box(result_of(done, caller)))))
