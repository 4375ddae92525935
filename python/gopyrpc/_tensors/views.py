"""Cutting the entries of a table down to what they show: views must not carry their whole storage along.

A message with ``big[:10]`` should carry ten elements. Tensors that share memory must not be separated,
though: at the receiver, too, a write to one of them has to change the others.
Which tensors share memory is known only when the message is complete. So `compact` runs last, over
the whole table, and replaces entries by smaller tensors of the same shape and values.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from . import torch_api
from .strides import layout_of, packed

_ALIGNMENT = 64  # bytes, as torch's own allocator promises


def compact(torch, table):
    """Replace the entries of *table* that show only a part of their storage."""
    cls, storage_of = torch.Tensor, torch_api.of(torch).untyped_storage
    for tensor in table:
        if type(tensor) is cls:
            dense = tensor.numel() * tensor.element_size()
            if dense != storage_of(tensor).nbytes():
                break
    else:
        return  # the common case, which has to be fast
    groups = {}
    for i, tensor in enumerate(table):
        if type(tensor) is cls:
            storage = storage_of(tensor)
            groups.setdefault(storage._cdata, (storage, []))[1].append(i)
    for storage, indices in groups.values():
        if len(indices) > 1:
            _cut(torch, table, indices, storage)
            continue
        i = indices[0]
        if layout_of(table[i]) is not None:
            table[i] = packed(torch, table[i])
        elif table[i].numel() * table[i].element_size() != storage.nbytes():
            _cut(torch, table, indices, storage)


def _span(tensor):
    """Return the offsets in the storage of the first byte of *tensor*, and of the byte after the last.

    Strides are never negative in torch.
    """
    size = tensor.element_size()
    first = tensor.storage_offset() * size
    if not tensor.numel():
        return first, first
    steps = sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride()))
    return first, first + (steps + 1) * size


def _cut(torch, table, indices, storage):
    """Replace the entries *indices* by tensors on a copy of the memory that they show together."""
    spans = [_span(table[i]) for i in indices]
    low = min(span[0] for span in spans) // _ALIGNMENT * _ALIGNMENT
    high = max(span[1] for span in spans)
    if high - low >= storage.nbytes():
        return
    storage_of = torch_api.of(torch).untyped_storage
    device = table[indices[0]].device
    whole = torch.empty(0, dtype=torch.uint8, device=device)
    part = whole.set_(storage, low, (high - low,), (1,)).clone()
    for i in indices:
        old = table[i]
        offset = old.storage_offset() - low // old.element_size()
        new = torch.empty(0, dtype=old.dtype, device=device)
        table[i] = new.set_(storage_of(part), offset, old.shape, old.stride())
