"""torch's own RPC in a process whose agent is of this package: what asks it for its agent hears whose agent there is."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from sys import _getframe, modules

from .._name import PACKAGE
from . import hosts
from .lacking import lacking

_RPC = "torch.distributed.rpc"

# Functions of torch that end in an error where torch's RPC has no agent, and what they are for.
_ASKING = {
    "wrapper": None,  # of api._require_initialized, around all functions of torch's RPC
    "_prepare_init": "RemoteModule",
}

_told = False


def tell_torch():
    """Have torch say in its errors that the agent is this package's. Once torch is there, it is done once."""
    global _told
    rpc, autograd = modules.get(_RPC), modules.get("torch.distributed.autograd")
    if _told or autograd is None or not hasattr(rpc, "_is_current_rpc_agent_set") or rpc.__name__ != _RPC:
        return
    _told = True
    is_set = rpc._is_current_rpc_agent_set
    new_context = autograd._new_context

    def is_current_rpc_agent_set():
        found = is_set()
        if not found and hosts.find() is not None:
            asking = _getframe(1).f_code.co_name
            if asking in _ASKING:
                raise _not_torchs(_ASKING[asking])
        return found

    def new_context_unless_ours():
        if not is_set() and hosts.find() is not None:
            raise lacking("distributed autograd")
        return new_context()

    rpc._is_current_rpc_agent_set = rpc.api._is_current_rpc_agent_set = is_current_rpc_agent_set
    autograd._new_context = new_context_unless_ours


def _not_torchs(what):
    if what is not None:
        return lacking(what)
    return RuntimeError(
        f"RPC has not been initialized in {_RPC}: the agent of this process is {PACKAGE}'s, and {_RPC}'s own functions do not"
        f" know it. Call {PACKAGE}'s, or have {PACKAGE}.install_as_torch_rpc() called before {_RPC} is imported."
        f" {PACKAGE} does not have DistributedOptimizer, which calls {_RPC}'s, yet"
    )
