"""What Go calls when a worker asks for something."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _pickle import loads
from contextvars import Context

from . import _by_class, _rpc
from ._beside import Names, load_beside
from ._errors import DeserializeError, ForbiddenGlobal, entry_for
from ._future import Future
from ._host import Box, serving
from ._pickling import SCALARS, load, loads_with
from ._rref import arriving, await_confirmation
from ._safe import text_of, type_module, type_name, type_qualname
from ._udf import PythonUDF, call, failed

_policies = {}


class Caller:
    """A worker that may ask. Go has one for each, and hands it over with each request."""

    __slots__ = ("host", "name", "policy")

    def __init__(self, host, name, allow=None):
        self.host = host
        self.name = name
        self.policy = None if allow is None else _policy(tuple(allow))

    def make_names(self, names):
        """Return the Names of what this worker sends, where it is restricted: they know whose they are."""
        return Names(self, names)

    def load(self, data, beside):
        """Return what a canonical pickle of this worker's stands for; raises DeserializeError."""
        try:
            return load_beside(data, beside)
        except DeserializeError as exc:
            self.tell_refused(exc.__cause__)
            raise

    def tell_refused(self, exc):
        """Have it logged if *exc* is the refusal of a name."""
        if type(exc) is ForbiddenGlobal:
            self.host.refused(self.name, exc.global_name, str(exc), entry_for(exc))

    def enter(self):
        """Serve this worker in the context that there is."""
        serving.set(self)
        if self.policy is not None:
            _by_class.required.set(True)


def _policy(allow):
    from ._policy import AllowList

    if allow not in _policies:
        _policies[allow] = AllowList(allow)
    return _policies[allow]


def method_of(value, name):
    """Return a method of a value; raise ForbiddenGlobal unless who is being served may call it."""
    caller = serving.get()
    if caller is None or caller.policy is None:
        return getattr(value, name)
    try:
        return caller.policy.method(value, name)
    except ForbiddenGlobal:
        cls = value if isinstance(value, type) else type(value)
        name = text_of(name)
        target = f"{type_module(cls)}:{type_qualname(cls)}.{name}"
        refusal = ForbiddenGlobal(
            f"{target} is not allowed: worker {caller.name} may not call that method without the entry {target}", target
        )
        caller.tell_refused(refusal)
        raise refusal from None


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


def serve_beside(data, beside):
    """`serve` for a restricted worker: of a canonical pickle, with what `load_beside` takes."""
    return Context().run(_serve_beside, data, beside, _sender(beside))


def _serve_beside(data, beside, caller):
    result = _run_beside(data, beside, caller)
    data = beside = None
    return result if type(result) is Future else answer(result, caller)


def serve_remote_beside(data, beside):
    """`serve_remote` for a restricted worker."""
    return Context().run(_run_beside, data, beside, _sender(beside))


def _sender(beside):
    """Return the Caller that a pickle came from, by what stands beside it."""
    if type(beside) is list:  # and tensors
        beside = beside[0]
    return (beside if type(beside) is Names else beside[0]).owner


def _run(data, tensors, caller):
    caller.enter()
    came = []
    arriving.set(came)
    try:
        if caller.policy is not None:
            raise ForbiddenGlobal(f"what worker {caller.name} has sent was not read under its list")
        if tensors:
            udf = load(data, tensors, loads)
        else:  # and none of an outer call: the context is new
            udf = loads_with(loads, data)
        if came:
            await_confirmation(came)
    except BaseException as exc:
        return failed(exc)
    finally:
        arriving.set(None)
        data = tensors = None
    return _outcome(udf)


def _run_beside(data, beside, caller):
    caller.enter()
    came = []
    arriving.set(came)
    try:
        udf = caller.load(data, beside)
        if type(udf) is not PythonUDF:
            raise TypeError(f"a restricted worker may send a PythonUDF, not a {type_name(type(udf))}")
        if came:
            await_confirmation(came)
    except BaseException as exc:
        return failed(exc)
    finally:
        arriving.set(None)
        data = beside = None
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
    from ._coroutines import prepare

    return prepare(result)  # when_done or when_kept begins it


def _is_outcome(result):
    from ._remote import RemoteException

    return type(result) is Future or type(result) is RemoteException


def _not_a_future(result):
    cls = type(result)
    return TypeError(
        "Functions decorated with @gopyrpc.functions.async_execution must return a gopyrpc.Future"
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
    from ._coroutines import begin

    begin(future)


def abandon(future):
    """Nobody waits for this outcome any more: end the coroutine that makes it, if one does."""
    from ._coroutines import cancel

    cancel(future)


def when_kept(future, caller, deliver):
    """Call Go's *deliver* with the outcome of a Future, once there is one, to be kept."""
    _begin(future)
    future.add_done_callback(_entered(caller, lambda done: deliver(Box(result_of(done)))))
