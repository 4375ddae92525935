"""The names by which the agent, and pickles on the wire, know this package.

Counterpart of ``torch.distributed.rpc.internal``. Everything that can appear in
a pickle is reachable under *this* module's name, whatever private module
defines it. So private modules can be moved without breaking peers.

All functions may be called from any thread, and within each other.
"""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins
from ._exceptions.capture import get_worker_name, set_worker_name
from ._errors import (
    DeserializeError,
    ForbiddenGlobal,
    NoSuchOverload,
    RemoteError,
    RemoteTraceback,
    SerializeAttributeError,
    SerializeError,
    SerializePicklingError,
    SerializeTypeError,
    UnpicklableValue,
)
from ._pickling.pickler import _receive_script_module, deserialize, register_reducer, serialize
from ._tensors.table import _receive_tensor, to_table
from ._tensors.unpickle_hooks import (
    _receive_leaf,
    _receive_named,
    _receive_parameter,
    _receive_quantized,
    _receive_sparse,
    _receive_sparse_compressed,
    _receive_strided,
    _receive_subclass,
)
from ._exceptions.remote import RemoteException, _handle_exception, _remote_exception
from ._run import _run_function
from ._udf import PythonUDF

__all__ = [
    "DeserializeError",
    "ForbiddenGlobal",
    "PythonUDF",
    "RPCExecMode",
    "RemoteError",
    "RemoteException",
    "RemoteTraceback",
    "SerializeError",
    "deserialize",
    "get_worker_name",
    "register_reducer",
    "serialize",
    "set_worker_name",
    "to_table",
]

for _cls in (
    DeserializeError,
    ForbiddenGlobal,
    NoSuchOverload,
    PythonUDF,
    RemoteError,
    RemoteException,
    RemoteTraceback,
    SerializeAttributeError,
    SerializeError,
    SerializePicklingError,
    SerializeTypeError,
    UnpicklableValue,
    _receive_leaf,
    _receive_named,
    _receive_parameter,
    _receive_quantized,
    _receive_script_module,
    _receive_sparse,
    _receive_sparse_compressed,
    _receive_strided,
    _receive_subclass,
    _receive_tensor,
    _remote_exception,
):
    _cls.__module__ = __name__
del _cls


# The names that need an agent, by module. A module is loaded when one of its names is asked for.
_WITH_AGENT = {
    "WorkerInfo": "_rpc.workers",
    "_receive_rref": "_rpc.rref",
    "_call_method": "_rpc.rref",
    "_check_value": "_rpc.rref",
    "_type_of_value": "_rpc.rref",
    "RpcError": "_rpc.errors",
    "RpcTimeoutError": "_rpc.errors",
    "RpcConnectionError": "_rpc.errors",
    "UnknownWorker": "_rpc.errors",
    "InvalidDestination": "_rpc.errors",
    "NotAFuture": "_rpc.errors",
}

# What programs import from torch's module, and no pickle names.
_FOR_PROGRAMS = {"_internal_rpc_pickler": "_pickling.as_object", "_build_rpc_profiling_key": "_rpc.lacking"}


def __getattr__(name):
    """Make on first use the names that few agents need. ``RPCExecMode`` needs ``enum``, which would double the import time."""
    place = _WITH_AGENT.get(name) or _FOR_PROGRAMS.get(name)
    if place:
        from importlib import import_module

        module = import_module("." + place, __package__)
        value = globals()[name] = getattr(module, name)
        return value
    if name != "RPCExecMode":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from enum import Enum

    members = [(m.upper(), m) for m in ("sync", "async", "async_jit", "remote")]
    mode = globals()[name] = Enum(name, members, module=__name__)
    return mode
