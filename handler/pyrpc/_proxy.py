"""Calls of methods of an RRef's value. Counterpart of ``torch.distributed.rpc.rref_proxy``."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from functools import partial


class RRefProxy:
    """Has the methods of the RRef's value; calling one calls it at the owner.

    ``rref``, ``rpc_api`` and ``rpc_timeout`` are its own attributes, which hide
    methods of those names, as torch's do.
    """

    def __init__(self, rref, rpc_api, timeout):
        self.rref = rref
        self.rpc_api = rpc_api
        self.rpc_timeout = timeout

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)  # copy, pickle and inspect ask for these
        return partial(self._invoke, name)

    def _invoke(self, name, /, *args, **kwargs):
        rref = self.rref
        rref._open_host(name)
        return self.rpc_api(
            rref.owner_name(), _call_method, (rref, name, args, kwargs), timeout=self.rpc_timeout
        )


def _call_method(rref, name, args, kwargs):
    """Call a method of an RRef's value, at its owner."""
    from ._serve import check_method

    value = rref.local_value()
    check_method(type(value), name)
    return getattr(value, name)(*args, **kwargs)


def _type_of_value(rref):
    return type(rref.local_value())


def _rref_typeof_on_owner(rref, blocking=True):
    """What torch's handler caches to tell an RRef's type at its owner; `_rref_typeof_on_user` elsewhere."""
    return rref._get_type(blocking=blocking)


def _rref_typeof_on_user(rref, timeout=-1.0, blocking=True):
    return rref._get_type(timeout, blocking)


# Their name in pickles: see internal.
_call_method.__module__ = _type_of_value.__module__ = "pyrpc.internal"
