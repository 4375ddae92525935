"""The pickler as an object, as torch's internal module has it."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from .pickler import deserialize, register_reducer, serialize


class _InternalRPCPickler:
    serialize = staticmethod(serialize)
    deserialize = staticmethod(deserialize)
    _register_reducer = staticmethod(register_reducer)


_internal_rpc_pickler = _InternalRPCPickler()
