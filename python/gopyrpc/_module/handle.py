"""What the agent holds: one object that caches everything that a call needs.

`make_handle` resolves all names once, on the agent's owner thread. So a handle does not see
what a user function does to ``sys.modules`` or to this package's modules later. torch: the
members of ``PythonRpcHandler``.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _pickle import dumps, loads
from contextvars import Context
from importlib import import_module
from sys import modules

from .._errors import check_size, describe_pickling, describe_unpickling
from .._exceptions.remote import _handle_exception, is_remote_exception
from .._name import INTERNAL
from .._pickling import by_class
from .._pickling.pickler import PROTOCOL, SCALARS, dump, is_plain, load, needs_table, serialize
from .._restricted.canonical import Names, load_beside
from .._run import _run_function, failed, why
from .._tensors.description import describe_tensors, make_tensors
from .._tensors.torch_access import grad_switch
from .._udf import PythonUDF, check
from .members import Members

NAMES = ("_run_function", "serialize", "deserialize", "_handle_exception")


class Handle:
    """The cached functions of one RPC module. Immutable by convention; any thread may use it.

    ``run(data, tensors=None)``
        takes a pickled PythonUDF and returns its pickled result: ``bytes``, or
        ``(bytes, list)`` if the result has tensors. The exception of a UDF is a result, too.
        DeserializeError and SerializeError say that there is no result.
        Under an allow-list *data* is what Go has made of the payload, and *tensors* what stands
        beside it: see _restricted/canonical. The same holds for ``deserialize``.
    ``make_names(names)``
        makes the Names of canonical pickles; None without an allow-list.
    ``serialize(obj)``, ``deserialize(data, tensors=())``, ``run_function(udf)``,
    ``handle_exception(result)``, ``is_remote_exception(obj)``
        do the same in steps. ``run_function`` never raises.
    ``rref_proxy_functions``, ``rref_type_functions``, ``compilation_unit``, ``kinds_of``
        are those of `Members`, each to be called.
    ``describe_tensors``, ``make_tensors``
        are those of _tensors/description, for the flat form of tables.
    ``module``, ``names``
        are the module, and its functions as they were found, by name.
    """

    __slots__ = (
        "run",
        "make_names",
        "serialize",
        "deserialize",
        "run_function",
        "handle_exception",
        "is_remote_exception",
        "rref_proxy_functions",
        "rref_type_functions",
        "compilation_unit",
        "kinds_of",
        "module",
        "names",
    )

    describe_tensors = staticmethod(describe_tensors)
    make_tensors = staticmethod(make_tensors)

    def __init__(self, **members):
        for name, value in members.items():
            setattr(self, name, value)


def make_handle(module_name=None, *, allow=None, max_payload=None):
    """Return the Handle for *module_name*, by default this package's own.

    *allow*, an iterable of entries or an AllowList, restricts what payloads may
    name. It is for this package's own module, and a ValueError for another. The payloads are then those that Go has made.
    *max_payload* is in bytes, and is checked before anything is read. An AttributeError or TypeError names every
    function that the module lacks. An ImportError is that of the module's import.
    """
    if max_payload is not None and (type(max_payload) is not int or max_payload < 0):
        raise ValueError(f"max_payload must be an int >= 0, not {max_payload!r}")
    name = INTERNAL if module_name is None else module_name
    module = import_module(name)
    if name != INTERNAL:
        if allow is not None:
            raise ValueError(
                f"an allow-list works with {INTERNAL} only:"
                f" {name} unpickles by itself"
            )
        from .torch_module import make_foreign

        others = Members(module)
        names = cached_names(module, others.find_all())
        members = make_foreign(module, names, max_payload)
        return Handle(module=module, **members, **_getters(others))
    policy = None
    if allow is not None:
        from .._restricted.allow_list import AllowList

        policy = allow if isinstance(allow, AllowList) else AllowList(allow)
    members = _make_own(policy, max_payload)
    members.update(_getters(Members(module)))
    return Handle(module=module, names=cached_names(module), **members)


def _getters(members):
    return {
        "rref_proxy_functions": members.rref_proxy_functions,
        "rref_type_functions": members.rref_type_functions,
        "compilation_unit": members.compilation_unit,
        "kinds_of": members.kinds_of,
    }


def check_module(module):
    """Return a list of texts that say what is wrong with *module* as an RPC module."""
    missing = [name for name in NAMES if not hasattr(module, name)]
    useless = [
        name
        for name in NAMES
        if name not in missing and not callable(getattr(module, name))
    ]
    problems = [f"it has no {name}" for name in missing]
    problems += [f"its {name} is not callable" for name in useless]
    return problems


def cached_names(module, others=()):
    """Return the four functions by name. One error names all that is wrong, with *others*."""
    problems = [*check_module(module), *others]
    if problems:
        missing = any(" has no " in problem for problem in problems)
        error = AttributeError if missing else TypeError
        raise error(
            f"{module.__name__} cannot be used as an RPC module: "
            + "; ".join(problems)
        )
    return {name: getattr(module, name) for name in NAMES}


def _make_own(policy, limit):
    restore_modules = _module_keeper()
    switch = None  # of torch's grad mode, once torch is there

    def work(data, tensors):
        nonlocal switch
        if policy is not None:
            by_class.required.set(True)
        if limit is not None:
            check_size(data, limit)
        if type(tensors) is Names:
            try:
                udf = loads(data, buffers=tensors.objects())
            except BaseException as exc:
                data = None
                raise describe_unpickling(exc) from exc
        elif policy is not None:
            udf = load_beside(data, tensors)
        elif tensors is None:  # there is no table of an outer call either, as the context is new
            try:
                udf = loads(data)
            except BaseException as exc:
                data = None  # the traceback keeps this frame
                raise describe_unpickling(exc) from exc
        else:
            udf = load(data, tensors or (), loads)
        if switch is None and "torch" in modules:
            switch = grad_switch()
        # _run.call(), written out, as this path has to be fast.
        func = args = kwargs = None
        try:
            if switch is not None:
                switch(True)
            if type(udf) is not PythonUDF:
                check(udf)
            func, args, kwargs = udf
            if type(args) is not tuple or type(kwargs) is not dict:
                check(udf)
            result = func(*args, **kwargs)
        except BaseException as exc:
            result = failed(why(exc, func, udf))
        # Objects that only the call needed must not be held while the result is copied.
        data = tensors = udf = func = args = kwargs = None
        if switch is not None:
            switch(True)
        if INTERNAL not in modules:
            restore_modules()
        if type(result) in SCALARS or is_plain(result) or policy is None and not needs_table():
            try:
                return dumps(result, PROTOCOL)
            except BaseException as exc:
                raise describe_pickling(exc, result) from exc
        data, tensors = dump(result)
        return (data, tensors) if tensors else data

    def run(data, tensors=None):
        # Unpickling and pickling run user code, too, and so are inside the context.
        return Context().run(work, data, tensors)

    def deserialize(data, tensors=()):
        if limit is not None:
            check_size(data, limit)
        return load(data, tensors, loads) if policy is None else load_beside(data, tensors)

    return {
        "run": run,
        "make_names": None if policy is None else policy.make_names,
        "serialize": serialize,
        "deserialize": deserialize,
        "run_function": _run_function,
        "handle_exception": _handle_exception,
        "is_remote_exception": is_remote_exception,
    }


def _module_keeper():
    """Return a function that undoes ``sys.modules.clear()``.

    Otherwise the next pickle would import this package anew, and then refuse
    the old package's classes, as they are not the new package's. A module that was replaced on
    purpose stays replaced.
    """
    before = dict(modules)

    def restore():
        for name, module in before.items():
            modules.setdefault(name, module)

    return restore
