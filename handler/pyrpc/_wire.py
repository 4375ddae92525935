"""The tensors of a table as memory: described for sending, made from what arrived.

What is in the head of the flat form, and whether it can be, is for Go (package
handler/wire); here is only what needs torch. Numbers go over in flat lists, which
convert fast: of a tensor its requires_grad, number of the storage, offset and
number of dimensions, then sizes, then strides.
"""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from . import _torch
from ._tensors import check_sendable


def describe_tensors(tensors):
    """Return (dtypes, numbers, storages, kept) for plain CPU tensors.

    *storages* has address and size of each storage once, however many tensors show
    it. The addresses are valid while *kept* lives. TypeError says which tensor has
    no memory to send.
    """
    torch = _torch.require("a tensor")
    dtypes, numbers, storages, kept, places = [], [], [], [], {}
    for i, tensor in enumerate(tensors):
        tensor = _plain(torch, i, tensor)
        storage = _untyped_storage(tensor)
        # Not the address: two storages of no bytes have the same.
        place = places.setdefault(storage._cdata, len(places))
        if place == len(storages) // 2:
            storages += storage.data_ptr(), storage.nbytes()
        offset = tensor.storage_offset() if tensor.numel() else 0
        dtypes.append(str(tensor.dtype)[6:])  # "torch.float32"
        numbers += int(tensor.requires_grad), place, offset, tensor.dim()
        numbers += tensor.shape
        numbers += tensor.stride()
        kept += tensor, storage
    return dtypes, numbers, storages, kept


def _plain(torch, i, tensor):
    """Return *tensor* without lazy bits; TypeError if it is more than its memory."""
    if type(tensor) is not torch.Tensor:
        cls = type(tensor)
        raise TypeError(
            f"tensor {i} of the table is a {cls.__module__}.{cls.__qualname__},"
            " not a torch.Tensor"
        )
    try:
        check_sendable(torch, tensor)
    except TypeError as exc:
        raise TypeError(f"tensor {i} of the table: {exc}") from None
    if tensor.device.type != "cpu":
        problem = f"is on {tensor.device}; send tensor.cpu()"
    elif tensor.layout is not torch.strided:
        problem = f"is of layout {tensor.layout}; send tensor.to_dense()"
    elif tensor.is_quantized:
        problem = "is quantised; send tensor.int_repr() and its quantiser"
    elif tensor.has_names():
        problem = "has names; send tensor.rename(None) and tensor.names"
    else:
        return tensor.resolve_conj().resolve_neg()
    raise TypeError(f"tensor {i} of the table {problem}")


def _untyped_storage(tensor):
    if hasattr(tensor, "untyped_storage"):  # from 2.0
        return tensor.untyped_storage()
    return tensor.storage()._storage


def make_storages(sizes):
    """Return ([address, ...], storages) of new memory with so many bytes each.

    It is not written to, so what the system gives is taken only as bytes arrive.
    """
    torch = _torch.require("a tensor")
    made = [torch.empty(size, dtype=torch.uint8, device="cpu") for size in sizes]
    return [tensor.data_ptr() for tensor in made], made


def make_tensors(storages, dtypes, numbers):
    """Return the tensors that `describe_tensors` would describe so."""
    torch = _torch.require("a tensor")
    untyped = [_untyped_storage(storage) for storage in storages]
    values = iter(numbers)
    tensors = []
    for i, name in enumerate(dtypes):
        dtype = getattr(torch, name, None)
        if dtype is None:
            raise TypeError(
                f"tensor {i} of the table is of torch.{name},"
                f" which torch {torch.__version__} does not have"
            )
        grad, place, offset, dims = (next(values) for _ in range(4))
        size = [next(values) for _ in range(dims)]
        stride = [next(values) for _ in range(dims)]
        tensor = torch.empty(0, dtype=dtype, device="cpu")
        tensor.set_(untyped[place], offset, size, stride)
        tensors.append(tensor.requires_grad_() if grad else tensor)
    return tensors
