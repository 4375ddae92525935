"""What an RPC module has beside its four functions: RRefs, and a compilation unit.

torch's handler caches these members, too (``rrefProxyFunctions_``, ``rrefTypeFunctions_``,
``jitCompilationUnit_``). In torch's module they are found when the handle is made.
Any other module, or its package, may have them only once it has an agent. So
they are looked for when they are first asked for, and kept from then on.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from importlib import import_module
from sys import modules

TORCH_MODULE = "torch.distributed.rpc.internal"
PROXY_NAMES = ("RRefProxy", "rpc_sync", "rpc_async", "remote")
TYPE_NAMES = ("_rref_typeof_on_owner", "_rref_typeof_on_user")
UNIT_NAME = "_python_cu"

_TORCH_API = "torch.distributed.rpc.api"
_TORCH_PLACES = dict.fromkeys(PROXY_NAMES + TYPE_NAMES, _TORCH_API)
_TORCH_PLACES["RRefProxy"] = "torch.distributed.rpc.rref_proxy"
_TORCH_PLACES[UNIT_NAME] = "torch.jit._state"


class Absent(LookupError):
    """The module has no such members, or not yet."""


class Members:
    """The members of one module, each kept once it was found."""

    __slots__ = ("_module", "_places", "_found")

    def __init__(self, module):
        self._module = module
        self._places = (module, modules.get(module.__name__.rpartition(".")[0]))
        self._found = {}

    def find_all(self):
        """Find torch's members; return a list of texts that say what is wrong."""
        if self._module.__name__ != TORCH_MODULE:
            return []
        problems = []
        for name, place in _TORCH_PLACES.items():
            try:
                self._found[name] = value = getattr(import_module(place), name)
            except AttributeError:
                problems.append(f"{place} has no {name}")
                continue
            if name != UNIT_NAME and not callable(value):
                problems.append(f"the {name} of {place} is not callable")
        return problems

    def rref_proxy_functions(self):
        """Return ``(RRefProxy, rpc_sync, rpc_async, remote)``; Absent names all that are missing."""
        return self._get(PROXY_NAMES)

    def rref_type_functions(self):
        """Return the two functions that tell an RRef's type, on its owner and on a user; or raise Absent."""
        return self._get(TYPE_NAMES)

    def compilation_unit(self):
        """Return the unit that has torch's script classes and interfaces, or raise Absent."""
        return self._get((UNIT_NAME,))[0]

    def kinds_of(self, names):
        """Return for each name "class", "interface", or None where the unit has neither."""
        unit = self.compilation_unit()
        return [_kind_of(unit, name) for name in names]

    def _get(self, names):
        for name in names:
            if name not in self._found:
                self._look_for(name)
        missing = [name for name in names if name not in self._found]
        if missing:
            raise Absent(f"{self._module.__name__} has no {', '.join(missing)}")
        return tuple(self._found[name] for name in names)

    def _look_for(self, name):
        for place in self._places:
            value = getattr(place, name, None)
            # Another object may have the name, such as a package's submodule "remote".
            if callable(value) or name == UNIT_NAME and value is not None:
                self._found[name] = value
                return


def _kind_of(unit, name):
    if unit.get_class(name) is not None:
        return "class"
    return None if unit.get_interface(name) is None else "interface"
