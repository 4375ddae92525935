"""Run pickled Python functions for a Go RPC agent.

``gopyrpc.internal`` is the module that the agent talks to; its names are those of
``torch.distributed.rpc.internal``. What a user of the package needs is here, under
the names of ``torch.distributed.rpc``: programs written for that run with ``import
gopyrpc as rpc``.

Importing this package imports neither ``pickle``, ``re``, ``traceback`` nor
``logging``: it happens while an agent starts, and most agents need none of them.
"""

from .internal import (
    DeserializeError,
    PythonUDF,
    RemoteError,
    RemoteException,
    SerializeError,
)

__version__ = "0.1.0"

# What needs an agent, by the module that has it: loaded when it is asked for.
_LAZY = {
    "rpc_sync": "_rpc",
    "rpc_async": "_rpc",
    "remote": "_rpc",
    "RRef": "_rref",
    "PyRRef": "_rref",
    "RRefProxy": "_proxy",
    "_rref_typeof_on_owner": "_proxy",
    "_rref_typeof_on_user": "_proxy",
    "Future": "_future",
    "wait_all": "_future",
    "collect_all": "_future",
    "WorkerInfo": "_workers",
    "get_worker_info": "_workers",
    "get_worker_infos": "_workers",
    "init_rpc": "_group",
    "shutdown": "_group",
    "_wait_all": "_group",
    "is_available": "_group",
    "get_rpc_timeout": "_rpc",
    "_set_rpc_timeout": "_rpc",
    "BackendType": "_group",
    "RpcBackendOptions": "_group",
    "TensorPipeRpcBackendOptions": "_group",
    "RpcError": "_rpc_errors",
    "RpcTimeoutError": "_rpc_errors",
    "RpcConnectionError": "_rpc_errors",
}
_MODULES = ("constants", "functions")  # likewise


def __getattr__(name):
    if name not in _LAZY and name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module("." + _LAZY.get(name, name), __name__)
    value = module if name in _MODULES else getattr(module, {"PyRRef": "RRef"}.get(name, name))
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_LAZY, *_MODULES})


__all__ = [
    "DeserializeError",
    "PythonUDF",
    "RemoteError",
    "RemoteException",
    "SerializeError",
    *(name for name in _LAZY if not name.startswith("_")),
    *_MODULES,
]
