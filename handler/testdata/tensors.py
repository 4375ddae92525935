"""What the tests of the flat form send, and how they compare it."""

import weakref

import torch

seen = {}


def has_names():
    """Tell whether this torch has named tensors: up to 2.13."""
    return hasattr(torch.Tensor, "has_names")


def every(names):
    """Return tensors of each element type of this torch, bytes of all values."""
    out = []
    for name in names:
        dtype = getattr(torch, name, None)
        if dtype is None:
            continue
        data = bytes(i % 2 for i in range(64)) if name == "bool" else bytes(range(64))
        whole = torch.frombuffer(bytearray(data), dtype=torch.uint8).view(dtype)
        n = whole.numel()
        out += whole, whole[1], whole[2:2], whole.view(2, n // 2).t()
        out += whole[1::2], whole[:1].expand(5, 7), torch.empty(0, 3, dtype=dtype)
    return out


def raw(tensor):
    data = tensor.detach().clone(memory_format=torch.contiguous_format).view(-1)
    if data.numel() == 0:
        return b""
    return bytes(data.view(torch.uint8).tolist())


def same(sent, got):
    """Return what is not the same, as text; "" for nothing."""
    if len(sent) != len(got):
        return f"{len(sent)} sent, {len(got)} arrived"
    for i, (a, b) in enumerate(zip(sent, got)):
        for what in ("dtype", "shape", "requires_grad", "is_leaf"):
            if getattr(a, what) != getattr(b, what):
                return f"{i}: {what}: {getattr(a, what)}, {getattr(b, what)}"
        if a.stride() != b.stride():
            return f"{i}: strides {a.stride()}, {b.stride()}"
        if raw(a) != raw(b):
            return f"{i}: {a}, {b}"
    return ""


def storage(tensor):
    if hasattr(tensor, "untyped_storage"):
        return tensor.untyped_storage()
    return tensor.storage()._storage


def groups(tensors):
    """Return for each tensor the first that shares its storage."""
    ids = [storage(t)._cdata for t in tensors]
    return [ids.index(i) for i in ids]


def watched(name, *size):
    tensor = torch.ones(*size)
    seen[name] = weakref.ref(tensor)
    return tensor


def alive(name):
    return seen[name]() is not None


def scaled(tensors, by):
    """Run as UDF: change the first in place, and give all back."""
    tensors[0].mul_(by)
    return tensors


class Sub(torch.Tensor):
    pass
