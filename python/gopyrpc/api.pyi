from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from threading import Event
from typing import Any, TypeVar

from . import (
    RRef as RRef,
    RpcAgent as RpcAgent,
    TensorPipeAgent as TensorPipeAgent,
    WorkerInfo as WorkerInfo,
    _delete_all_user_and_unforked_owner_rrefs as _delete_all_user_and_unforked_owner_rrefs,
    _get_current_rpc_agent as _get_current_rpc_agent,
    _get_debug_info as _get_debug_info,
    _is_current_rpc_agent_set as _is_current_rpc_agent_set,
    _rref_context_get_debug_info as _rref_context_get_debug_info,
    get_rpc_timeout as get_rpc_timeout,
    get_worker_info as get_worker_info,
    get_worker_infos as get_worker_infos,
    remote as remote,
    rpc_async as rpc_async,
    rpc_sync as rpc_sync,
    shutdown as shutdown,
)

__all__ = ["AllGatherStates", "RRef", "get_worker_info", "remote", "rpc_async", "rpc_sync", "shutdown"]

_F = TypeVar("_F", bound=Callable[..., object])

class AllGatherStates:
    gathered_objects: dict[str, Any]
    proceed_signal: Event
    failure: str | None
    def __init__(self) -> None: ...

def _all_gather(obj: Any, worker_names: Iterable[str] | None = None, timeout: float = -1.0) -> dict[str, Any]: ...
def _barrier(worker_names: Iterable[str]) -> None: ...
def _wait_all_workers(timeout: float = 0) -> None: ...
def _wait_all() -> AbstractContextManager[None]: ...
def _require_initialized(func: _F) -> _F: ...
def _use_rpc_pickler(rpc_pickler: Any) -> AbstractContextManager[None]: ...
