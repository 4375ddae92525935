"""Reading test vectors: pickles made once, kept in testdata/vectors, replayed for ever.

A folder is of one maker: ``torch-<version>`` or ``gopyrpc``. Its ``index.json`` lists::

    {"torch": version or null, "python": version, "vectors": [vector, ...]}
    vector: {"file", "kind", "what", "expect", "needs", "tensors": [tensor, ...]}

``kind``: a ``call`` is a pickled PythonUDF, whose result ``expect`` describes. Of a ``value``
``expect`` describes the object itself, of an ``exception`` what the caller sees raised.
``needs``: the modules that a reader must have. tensor: {"dtype", "shape", "values"}.

make.py, the Python tests and, through the bridge, the Go tests use this module.
"""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "testdata" / "vectors"


def folders(root=ROOT):
    """Return {folder name: index} of all that is kept."""
    found = sorted(Path(root).glob("*/index.json"))
    return {path.parent.name: json.loads(path.read_text("utf-8")) for path in found}


def describe(value):
    """Return text that is the same for equal values, whatever made or holds them."""
    if isinstance(value, dict):
        items = (f"{describe(k)}: {describe(v)}" for k, v in value.items())
        return "{" + ", ".join(items) + "}"
    if type(value) in (list, tuple):
        left, right = "[]" if type(value) is list else "()"
        return left + ", ".join(describe(v) for v in value) + right
    if hasattr(value, "requires_grad"):
        return describe_tensor(value)
    if isinstance(value, BaseException):
        return describe_exception(value)
    return repr(value)


def describe_tensor(tensor):
    plain = tensor.detach()
    if plain.is_quantized:
        plain = plain.dequantize()
    if str(plain.layout) != "torch.strided":
        plain = plain.to_dense()
    if str(plain.dtype) == "torch.bfloat16":
        plain = plain.float()
    grad = ", requires_grad" if tensor.requires_grad else ""
    return (
        f"{type(tensor).__name__}({tensor.dtype}, {str(tensor.layout)[6:]},"
        f" {tuple(tensor.shape)}, {plain.tolist()}{grad})"
    )


def describe_exception(exc, depth=0):
    """Describe class, arguments, fields, notes and causes, as far as all Pythons agree."""
    args = ", ".join(describe(a) for a in exc.args)
    text = f"{type(exc).__module__}.{type(exc).__qualname__}({args})"
    names = ("errno", "filename", "pos", "doc", "name", "__notes__")
    fields = {n: getattr(exc, n) for n in names if getattr(exc, n, None) is not None}
    if fields:
        text += f" {fields}"
    for link in ("__cause__", "__context__"):
        other = getattr(exc, link)
        # A RemoteTraceback, the last link, is the callee's traceback, whose text names files.
        if other is not None and type(other).__name__ != "RemoteTraceback" and depth < 5:
            text += f" {link} {describe_exception(other, depth + 1)}"
    return text


def tensor_of(spec):
    """Make the tensor that an entry of ``tensors`` stands for."""
    import torch

    dtype = getattr(torch, spec["dtype"])
    values = [complex(*v) if isinstance(v, list) else v for v in spec["values"]]
    return torch.tensor(values, dtype=dtype).reshape(spec["shape"])


def spec_of(tensor):
    values = tensor.reshape(-1).tolist()
    values = [[v.real, v.imag] if isinstance(v, complex) else v for v in values]
    dtype = str(tensor.dtype)[len("torch.") :]
    return {"dtype": dtype, "shape": list(tensor.shape), "values": values}
