"""What Go calls when a worker asks for something."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _pickle import loads
from contextvars import Context

from . import _rpc
from ._errors import ForbiddenGlobal
from ._future import Future
from ._host import Box, serving
from ._pickling import SCALARS, load, loads_with
from ._rref import arriving, await_confirmation
from ._udf import call, failed

_policies = {}


class Caller:
    """A worker that may ask. Go has one for each, and hands it over with each request."""

    __slots__ = ("host", "name", "policy", "read")

    def __init__(self, host, name, allow=None):
        self.host = host
        self.name = name
        self.policy = None if allow is None else _policy(tuple(allow))
        self.read = loads if allow is None else self.policy.loads


def _policy(allow):
    from ._policy import AllowList

    if allow not in _policies:
        _policies[allow] = AllowList(allow)
    return _policies[allow]


def check_method(cls, name):
    """Raise ForbiddenGlobal unless who is being served may call that method of a value."""
    caller = serving.get()
    if caller is None or caller.policy is None:
        return
    if type(name) is not str or not caller.policy.permits_method(cls, name):
        target = f"{cls.__module__}:{cls.__qualname__}.{name}"
        how = " unless the allow-list has that very name" if str(name).startswith("__") else ""
        raise ForbiddenGlobal(f"{target} is not allowed: worker {caller.name} may not call that method{how}", target)


def serve(data, extra):
    """Run a pickled PythonUDF; *extra* is the Caller, or a list of it and the tensors.

    Returns what `answer` does, or a Future of the result. Nothing is raised: what went
    wrong travels as a RemoteException.
    """
    caller, tensors = (extra, ()) if type(extra) is Caller else extra
    return Context().run(_serve, data, tensors, caller)


def _serve(data, tensors, caller):
    result = _run(data, tensors, caller)
    data = tensors = None
    return result if type(result) is Future else answer(result, caller)


def serve_remote(data, extra):
    """`serve` that returns the result itself, to be kept, or a Future of it."""
    caller, tensors = (extra, ()) if type(extra) is Caller else extra
    return Context().run(_run, data, tensors, caller)


def _run(data, tensors, caller):
    serving.set(caller)
    came = []
    arriving.set(came)
    try:
        if tensors:
            udf = load(data, tensors, caller.read)
        else:  # and none of an outer call: the context is new
            udf = loads_with(caller.read, data)
        if came:
            await_confirmation(came)
    except BaseException as exc:
        return failed(exc)
    finally:
        arriving.set(None)
        data = tensors = None
    result = call(udf)
    kind = type(result)
    if kind is Future or kind in SCALARS or not hasattr(kind, "__await__"):
        marked = getattr(udf, "func", None)
        if getattr(marked, "_wrapped_async_rpc_function", None) and not _is_outcome(result):
            return failed(_not_a_future(result))
        return result
    from ._coroutines import prepare

    return prepare(result)  # when_done or when_kept begins it


def _is_outcome(result):
    from ._remote import RemoteException

    return type(result) is Future or type(result) is RemoteException


def _not_a_future(result):
    cls = type(result)
    return TypeError(
        "Functions decorated with @pyrpc.functions.async_execution must return a pyrpc.Future"
        f" object, but got {cls.__module__}.{cls.__qualname__}"
    )


def answer(result, caller):
    """Pickle a result for who asked: bytes, a list of them to be joined, or ``(bytes, tensors)``. Never raises."""
    try:
        data, tensors, _ = _rpc.pack(caller.host, caller.name, result)
    except BaseException as exc:
        data, tensors, _ = _rpc.pack(caller.host, caller.name, failed(exc))
    return (data, tensors) if tensors else data


def fetch(value, caller):
    """`answer` of an RRef's value, where bytes alone are ``(bytes, ())``. Never raises."""
    made = Context().run(_fetch, value, caller)
    return (made, ()) if type(made) is bytes else made


def _fetch(value, caller):
    serving.set(caller)
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
    future.add_done_callback(lambda done: deliver(answer(result_of(done), caller)))


def _begin(future):
    from ._coroutines import begin

    begin(future)


def abandon(future):
    """Nobody waits for this outcome any more: end the coroutine that makes it, if one does."""
    from ._coroutines import cancel

    cancel(future)


def when_kept(future, deliver):
    """Call Go's *deliver* with the outcome of a Future, once there is one, to be kept."""
    _begin(future)
    future.add_done_callback(lambda done: deliver(Box(result_of(done))))
