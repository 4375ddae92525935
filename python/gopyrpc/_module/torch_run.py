"""A whole call through an RPC module that is not ours, in which every step goes well."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from contextvars import Context
from sys import modules

from .._errors import describe_unpickling
from .._introspect import get_cause, text_of
from .._tensors import torch_access
from .._tensors.reducers import mend_table

_SUFFIX = "Default RPC pickler does not serialize"


def make_run(foreign, names):
    """Return ``run``: `_Foreign.in_steps`, written out for calls that go well.

    The steps take care that a failure does no harm, which costs half as much as
    torch's own work for a small call. Here that is done when there was a failure.
    """
    deserialize, run_function = names["deserialize"], names["_run_function"]
    serialize, limit = names["serialize"], foreign.max_payload
    # For a module without tables this is a dict that stays empty.
    tables = foreign.tables if foreign.tables is not None else _NoTables()
    switch = None  # of torch's grad mode, once torch is there

    def work(data, tensors):
        nonlocal switch
        kept = vars(tables)  # this thread's
        if kept or limit is not None:  # inside another call of this thread's
            return foreign.in_steps(data, tensors)
        try:
            value = deserialize(data, [] if tensors is None else tensors)
        except BaseException as exc:
            kept.clear()
            data = tensors = None  # the traceback keeps this frame
            raise describe_unpickling(exc) from exc
        if type(value) is AttributeError:
            value = loaded(value)
        if switch is None and "torch" in modules:
            switch = torch_access.grad_switch()
        try:
            if switch is not None:
                switch(True)
            value = run_function(value)
        except BaseException as exc:
            value = foreign.failed(exc)
        if switch is not None:
            switch(True)
        try:
            data, tensors = serialize(value)
            if tensors:
                return data, mend_table(tensors)
            return data
        except BaseException as exc:
            kept.clear()
            data, tensors = foreign.instead(value, exc)
            return (data, tensors) if tensors else data
        finally:
            if kept:
                kept.clear()

    def run(data, tensors=None):
        return Context().run(work, data, tensors)

    return run


class _NoTables:
    pass


def loaded(value):
    """Return *value*, or raise it where it is an AttributeError that torch returned as a value.

    An AttributeError that was sent has no cause, as causes do not survive pickling.
    """
    if _is_failed_load(value):
        cause = get_cause(value)
        raise describe_unpickling(cause) from cause
    return value


def _is_failed_load(value):
    return (
        type(value) is AttributeError
        and isinstance(get_cause(value), AttributeError)
        and _SUFFIX in text_of(value)
    )
