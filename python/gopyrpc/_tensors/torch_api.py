"""The parts of torch that not every version from 1.13 on has. Each part is probed for once.

Everything else that this package uses of torch is in all these versions. This module and RATIONALE.md,
"Why torch's optional parts are probed for", say what the absence of a part means.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins


class Api:
    """The optional parts that a torch has: functions, or None for a part that is absent."""

    def __init__(self, torch):
        cls, core = torch.Tensor, torch._C
        #: has_names(tensor), before 2.14. Where it is absent no tensor can have names.
        self.has_names = getattr(cls, "has_names", None)
        #: untyped_storage(tensor), from 2.0; 1.13 has it as _storage.
        self.untyped_storage = getattr(cls, "untyped_storage", None) or cls._storage
        #: A context without __torch_function__ of subclasses, from 2.0; in 1.13 a context without any __torch_function__.
        self.no_torch_function = (
            getattr(core, "DisableTorchFunctionSubclass", None) or core.DisableTorchFunction
        )
        #: The class of script modules. Where it is absent no class is one.
        self.script_module = getattr(getattr(torch, "jit", None), "ScriptModule", None)
        #: The class of what torch.jit.script makes of a function: absent, nothing is one.
        self.script_function = getattr(getattr(torch, "jit", None), "ScriptFunction", None)
        #: Makers of quantised tensors, which torch 2.14 announces to remove. Where they are absent no quantised tensor arrives.
        self.make_per_tensor = getattr(torch, "_make_per_tensor_quantized_tensor", None)
        self.make_per_channel = getattr(torch, "_make_per_channel_quantized_tensor", None)
        #: Has the constructors of sparse tensors check their indices, from 2.0; those of 1.13 always do.
        optional = hasattr(getattr(torch, "sparse", None), "check_sparse_tensor_invariants")
        self.checked = {"check_invariants": True} if optional else {}
        self.is_quantized = _flag(cls, "is_quantized")
        self.is_meta = _flag(cls, "is_meta")
        self.is_mkldnn = _flag(cls, "is_mkldnn")
        self.is_nested = _flag(cls, "is_nested")

    def names_of(self, tensor):
        """Return the names of the dimensions of *tensor*, None if it has none."""
        if self.has_names is not None and self.has_names(tensor):
            return tensor.names
        return None


def _flag(cls, name):
    """Return the getter of Tensor's attribute *name*. Where the attribute is absent no tensor is of that kind."""
    descriptor = getattr(cls, name, None)
    return descriptor.__get__ if descriptor is not None else _never


def _never(tensor):
    return False


_of = {}  # Api by id of its torch, which the process keeps


def of(torch):
    """Return the Api of *torch*."""
    api = _of.get(id(torch))
    if api is None:
        api = _of[id(torch)] = Api(torch)
    return api
