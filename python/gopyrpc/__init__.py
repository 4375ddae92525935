"""Run pickled Python functions for a Go RPC agent.

``gopyrpc.internal`` is the module that the agent talks to. Its names are those of
``torch.distributed.rpc.internal``. What a user of the package needs is here, under
the names of ``torch.distributed.rpc``: programs written for torch's module run with
``import gopyrpc as rpc``.

The package's import imports neither ``pickle``, ``re``, ``traceback`` nor
``logging``. An agent imports the package while it starts, and most agents need none of these modules.
"""

from .internal import DeserializeError, PythonUDF, RemoteError, RemoteException, SerializeError

__version__ = "0.1.0"

# The names that need an agent, by module. A module is loaded when one of its names is asked for.
_LAZY = {
    "rpc_sync": "_rpc.client",
    "rpc_async": "_rpc.client",
    "remote": "_rpc.rref",
    "RRef": "_rpc.rref",
    "PyRRef": "_rpc.rref",
    "RRefProxy": "_rpc.rref",
    "_rref_typeof_on_owner": "_rpc.rref",
    "_rref_typeof_on_user": "_rpc.rref",
    "Future": "_rpc.future",
    "wait_all": "_rpc.gather",
    "collect_all": "_rpc.gather",
    "WorkerInfo": "_rpc.workers",
    "get_worker_info": "_rpc.workers",
    "get_worker_infos": "_rpc.workers",
    "init_rpc": "_rpc.initialize",
    "_init_rpc_backend": "_rpc.initialize",
    "shutdown": "_rpc.group",
    "_wait_all": "_rpc.group",
    "is_available": "_rpc.group",
    "get_rpc_timeout": "_rpc.client",
    "_set_rpc_timeout": "_rpc.client",
    "install_as_torch_rpc": "_rpc.as_torch",
    "RpcAgent": "_rpc.current_agent",
    "TensorPipeAgent": "_rpc.current_agent",
    "BackendType": "_rpc.backends",
    "RpcBackendOptions": "_rpc.options",
    "TensorPipeRpcBackendOptions": "_rpc.options",
    "_get_current_rpc_agent": "_rpc.current_agent",
    "_is_current_rpc_agent_set": "_rpc.current_agent",
    "_get_debug_info": "_rpc.current_agent",
    "_rref_context_get_debug_info": "_rpc.current_agent",
    "_delete_all_user_and_unforked_owner_rrefs": "_rpc.rref",
    "_server_process_global_profile": "_rpc.lacking",
    "_set_profiler_node_id": "_rpc.lacking",
    "enable_gil_profiling": "_rpc.lacking",
    "RpcError": "_rpc.errors",
    "RpcTimeoutError": "_rpc.errors",
    "RpcConnectionError": "_rpc.errors",
    "UnknownWorker": "_rpc.errors",
    "InvalidDestination": "_rpc.errors",
}
_MODULES = ("api", "backend_registry", "constants", "functions", "options", "rref_proxy")  # loaded when they are asked for


def __getattr__(name):
    if name not in _LAZY and name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module("." + _LAZY.get(name, name), __name__)
    value = module if name in _MODULES else getattr(module, {"PyRRef": "RRef"}.get(name, name))
    if name != "BackendType":  # it is another one after each registration
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
