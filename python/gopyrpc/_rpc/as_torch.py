"""gopyrpc in the place of torch.distributed.rpc, for programs and libraries that import that for themselves."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

import sys
from importlib import import_module
from types import ModuleType

from .._name import PACKAGE
from .._public import public
from .lacking import lacks

TORCH_RPC = "torch.distributed.rpc"

# Modules of torch's RPC that are modules of this package, too. "" is the package.
_MODULES = ("", ".api", ".backend_registry", ".constants", ".functions", ".internal", ".options", ".rref_proxy")

# The part of torch in C++ that names torch's RRef, by which a TorchScript compiler knows the type: it stays.
_COMPILER = ("torch._C", "torch._jit_internal", "torch.jit")

# What stands on torch's RPC and goes by its C++ side: names that a program may import, and not use.
_LACKING = (
    ("torch.distributed.autograd", "distributed autograd", ("context", "backward", "get_gradients", "_init")),
    ("torch.distributed.optim.optimizer", "DistributedOptimizer, as it has no distributed autograd,", ("DistributedOptimizer",)),
    ("torch.distributed.nn.api.remote_module", "RemoteModule", ("RemoteModule", "_RemoteModule")),
    ("torch.distributed.rpc.server_process_global_profiler", "a profiler of calls", ("_server_process_global_profile",)),
)

_installed = False


def install_as_torch_rpc():
    """Put this package in the place of ``torch.distributed.rpc`` and its modules, for the whole process.

    Before anything else has imported those: RuntimeError, which names it, where something has. It says on standard error
    that it was done. ``torch.distributed.autograd``, ``DistributedOptimizer`` and ``RemoteModule``, which go by torch's
    own RPC, say when they are used that this package does not have them yet.
    """
    global _installed
    if _installed:
        return
    torchs = import_module(TORCH_RPC)
    if torchs.is_available() and torchs._is_current_rpc_agent_set():
        raise RuntimeError("install_as_torch_rpc() comes before init_rpc(): torch's own RPC has an agent in this process")
    replaced = _replaced()
    _check_nobody_has(replaced)
    for old, new in replaced.values():
        if isinstance(new, ModuleType):
            sys.modules[old.__name__] = new
    for name, what, members in _LACKING:
        sys.modules[name] = _module_that_lacks(name, what, members)
    _bind(replaced)
    _installed = True
    print(f"{PACKAGE}: {PACKAGE} is in the place of {TORCH_RPC} in this process", file=sys.stderr, flush=True)


def _replaced():
    """Return pairs of what torch has, and what comes in its place, by the id of the former."""
    pairs = []
    for name in _MODULES:
        old, new = import_module(TORCH_RPC + name), import_module(PACKAGE + name)
        pairs.append((old, new))
        for member, value in vars(old).items():
            if getattr(value, "__module__", None) == old.__name__ and hasattr(new, member):
                pairs.append((value, getattr(new, member)))
    return {id(old): (old, new) for old, new in pairs}


def _check_nobody_has(replaced):
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("torch", PACKAGE) or not isinstance(module, ModuleType):
            continue
        for member, value in list(vars(module).items()):
            if id(value) in replaced:
                raise RuntimeError(
                    f"install_as_torch_rpc() comes before all imports of {TORCH_RPC}:"
                    f" module {name} has imported it, or what is in it, as {member}"
                )


def _bind(replaced):
    """Have torch's own modules refer to what is in place now, but for those of the TorchScript compiler."""
    for name, module in list(sys.modules.items()):
        if not name.startswith("torch.") or not isinstance(module, ModuleType) or name.startswith((TORCH_RPC, *_COMPILER)):
            continue
        for member, value in list(vars(module).items()):
            if id(value) in replaced:
                setattr(module, member, replaced[id(value)][1])
    for name, _, members in _LACKING:
        parent, _, last = name.rpartition(".")
        parent = sys.modules.get(parent)
        if parent is not None:
            setattr(parent, last, sys.modules[name])
            for member in members:
                if member in vars(parent):
                    setattr(parent, member, getattr(sys.modules[name], member))
    bindings = sys.modules["torch._C._distributed_rpc"]
    bindings.PyRRef = sys.modules[PACKAGE].RRef  # by which libraries tell an RRef
    bindings.WorkerInfo = sys.modules[PACKAGE].WorkerInfo


def _module_that_lacks(name, what, members):
    module = ModuleType(name, f"{what} is not in {PACKAGE} yet.")
    for member in members:
        setattr(module, member, lacks(what, member))
    # What counts asks for, there is none of.
    module._get_debug_info = dict

    def missing(member):
        if member.startswith("__"):
            raise AttributeError(f"module {name!r} has no attribute {member!r}")
        return lacks(what, member)

    module.__getattr__ = missing
    return module


public(install_as_torch_rpc)
