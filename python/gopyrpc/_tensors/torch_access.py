"""All that this package knows about torch. The package never imports torch.

``find()`` looks whether the program has imported torch. Only then do tensors and
script modules get special treatment (see reducers), and the grad mode is reset. What
differs between versions of torch is in torch_api.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from io import BytesIO
from sys import modules

from . import torch_api

_found = None


def find():
    """Return the torch module once its import has finished, else None."""
    global _found
    torch = modules.get("torch")
    if torch is _found:
        return torch
    # A torch that another thread is still importing lacks parts that this package uses.
    if getattr(getattr(torch, "__spec__", None), "_initializing", False):
        return _found
    if not hasattr(torch, "Tensor") or not hasattr(getattr(torch, "_C", None), "_set_grad_enabled"):
        return _found  # or a substitute for torch, of a test or of a library that can do without torch
    if _found is None:
        _found = torch
    return _found


def require(what):
    """Return torch, which is needed to load *what*. The ImportError says what arrived in a process without torch."""
    torch = find()
    if torch is None:
        raise ImportError(f"{what} arrived, but torch is not imported here")
    return torch


def grad_switch():
    """Return the function that sets torch's grad mode, or None without torch.

    The function is the C function itself: ``torch.set_grad_enabled`` is a class, and takes longer
    than everything else that `Handle.run` does around a call.
    """
    torch = find()
    return None if torch is None else torch._C._set_grad_enabled


def is_script_module(cls):
    """Tell whether instances of *cls* must go through torch.jit.save."""
    if _found is None:
        return False
    script_module = torch_api.of(_found).script_module
    return script_module is not None and issubclass(cls, script_module)


def is_script_function(cls):
    """Tell whether *cls* is the class of functions that torch.jit.script has made."""
    return _found is not None and cls is torch_api.of(_found).script_function


def name_script_function(function):
    """Return the name of a ScriptFunction in its module, which it is given as its ``__module__``."""
    function.__module__, name = script_function_name(function)
    return name


def script_function_name(function):
    """Return the module and the name of a ScriptFunction."""
    # As __torch__.package.module.___torch_mangle_3.f: the third of that name, or only __torch__.f, of __main__.
    parts = [part for part in function.qualified_name.split(".")[1:] if not part.startswith("___torch_mangle_")]
    return ".".join(parts[:-1]) or "__main__", parts[-1]


def is_operator(function):
    """Tell whether *function* is an operator of torch's that its TorchScript knows, which other Python functions are not."""
    find_builtin = getattr(modules.get("torch.jit._builtins"), "_find_builtin", None)
    return find_builtin is not None and find_builtin(function) is not None


def no_overload():
    """Return how this torch says that none of an operator's overloads takes the arguments."""
    to_any = "many" if _found is not None and _found.__version__.startswith("1.") else "match"  # 1.13 misspells it
    return f"Overloaded torch operator invoked from Python failed to {to_any} any schema"


def save_script_module(module):
    out = BytesIO()
    _found.jit.save(module, out)
    return out.getvalue()


def load_script_module(data):
    return require("a ScriptModule").jit.load(BytesIO(data))
