"""What can be an agent. Counterpart of ``torch.distributed.rpc.backend_registry``."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from ._rpc import backends
from ._rpc.backends import (
    BackendValue,
    backend_registered,
    construct_rpc_backend_options,
    init_backend,
    register_backend,
)

__all__ = [
    "BackendType",
    "BackendValue",
    "backend_registered",
    "construct_rpc_backend_options",
    "init_backend",
    "register_backend",
]


def __getattr__(name):
    if name == "BackendType":
        return backends.BackendType  # another one after each registration
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
