"""Counterpart of ``torch.distributed.rpc.api``: what that has, also under names that begin with an underscore."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from contextlib import contextmanager
from functools import wraps

from ._rpc import hosts
from ._rpc.calls import use_pickler
from ._rpc.client import _thread_local_var, get_rpc_timeout, rpc_async, rpc_sync
from ._rpc.current_agent import (
    RpcAgent,
    TensorPipeAgent,
    _get_current_rpc_agent,
    _get_debug_info,
    _is_current_rpc_agent_set,
    _rref_context_get_debug_info,
)
from ._rpc.all_gather import (
    AllGatherStates,
    _all_gather,
    _barrier,
    _broadcast_to_followers,
    _fail_gathering,
    _gather_to_leader,
    _wait_all_workers,
)
from ._rpc.group import _wait_all, shutdown
from ._rpc.initialize import _set_and_start_rpc_agent
from ._rpc.rref import RRef, _delete_all_user_and_unforked_owner_rrefs, _rref_typeof_on_owner, _rref_typeof_on_user, remote
from ._rpc.workers import WorkerInfo, get_worker_info, get_worker_infos
from .internal import _internal_rpc_pickler

PyRRef = RRef

__all__ = ["AllGatherStates", "RRef", "get_worker_info", "remote", "rpc_async", "rpc_sync", "shutdown"]

# Whether a worker may leave while others have RRefs to its values. It always may; what is left is in the agent's log.
_ignore_rref_leak = True

_default_pickler = _internal_rpc_pickler


@contextmanager
def _use_rpc_pickler(rpc_pickler):
    """Have the calls of the block pickled by *rpc_pickler*: its serialize, whose result `internal.deserialize` reads."""
    global _default_pickler
    before = _default_pickler
    _default_pickler = rpc_pickler
    use_pickler(None if rpc_pickler is _internal_rpc_pickler else rpc_pickler)
    try:
        yield
    finally:
        _default_pickler = before
        use_pickler(None if before is _internal_rpc_pickler else before)


def _require_initialized(func):
    """Decorate *func* to raise a RuntimeError where this process has no agent."""

    @wraps(func)
    def wrapper(*args, **kwargs):
        hosts.current()
        return func(*args, **kwargs)

    return wrapper
