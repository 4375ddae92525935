"""All that this package knows about torch. torch is never imported from here.

``find()`` looks whether someone else has imported it; only then do tensors and
script modules get special treatment and the grad mode a reset.
"""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from io import BytesIO
from sys import modules

_found = None


def find():
    """Return the torch module once its import has finished, else None."""
    global _found
    torch = modules.get("torch")
    if torch is _found:
        return torch
    # A torch that another thread is still importing has no Tensor or jit yet.
    if not hasattr(getattr(torch, "jit", None), "ScriptModule"):
        return _found
    if not hasattr(torch, "Tensor"):
        return _found
    if _found is None:
        _found = torch
    return _found


def prepare_tensor(tensor):
    """Return the tensor to put in the table in place of *tensor*.

    Lazy conjugation and negation are bits beside the data, and a tensor table
    carries data only: sent as they are, the values would arrive wrong. Raises
    TypeError for tensors without data that could be sent.
    """
    if tensor.is_meta:
        raise TypeError(
            "cannot send a meta tensor: it has a shape but no data;"
            " send its shape and dtype instead"
        )
    if tensor.is_mkldnn:
        raise TypeError(
            "cannot send an MKL-DNN tensor: its layout is private to this process;"
            " send tensor.to_dense()"
        )
    if tensor.is_conj():
        tensor = tensor.resolve_conj()
    if tensor.is_neg():
        tensor = tensor.resolve_neg()
    return tensor


def is_script_module(cls):
    """Tell whether instances of *cls* must go through torch.jit.save."""
    return _found is not None and issubclass(cls, _found.jit.ScriptModule)


def save_script_module(module):
    out = BytesIO()
    _found.jit.save(module, out)
    return out.getvalue()


def load_script_module(data):
    torch = find()
    if torch is None:
        raise ImportError("a ScriptModule arrived, but torch is not imported here")
    return torch.jit.load(BytesIO(data))
