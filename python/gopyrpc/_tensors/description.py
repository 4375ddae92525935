"""The tensors of a table as memory: described for sending, and made from what arrived.

Go (package handler/wire) writes, reads and checks the head of the flat form. This module has only
what needs torch. After the copy of a large tensor all of this code is out of the caches, and takes as
long as the copy. So there is little code. Go gets one string of dtypes, separated by spaces, and one
string of numbers, of 64 bits each: the number of storages, the description of each storage, and for
each tensor its requires_grad, the number of its storage, its offset, the number of its dimensions,
its sizes and its strides.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from array import array

from . import torch_access, torch_api
from .reducers import check_sendable


def describe_tensors(tensors):
    """Return (dtypes, numbers, kept) for plain CPU tensors.

    A storage is described by address and size, once, however many tensors show it. The
    addresses are valid while *kept* lives. A TypeError says which tensor has no memory
    to send.
    """
    torch = torch_access.require("a tensor")
    if len(tensors) == 1:
        tensor = _plain(torch, 0, tensors[0])
        count = tensor.numel()
        if count and tensor.is_contiguous():  # what it shows is its own, whatever else the storage has
            numbers = [1, tensor.data_ptr(), count * tensor.element_size(), int(tensor.requires_grad), 0, 0, tensor.dim()]
            numbers += tensor.shape
            numbers += tensor.stride()
            return str(tensor.dtype)[6:], array("q", numbers).tobytes(), tensor  # "torch.float32"
    untyped_storage = torch_api.of(torch).untyped_storage
    dtypes, numbers, storages, kept, places = [], [], [], [], {}
    for i, tensor in enumerate(tensors):
        tensor = _plain(torch, i, tensor)
        storage = untyped_storage(tensor)
        # The key is not the address: two storages of 0 bytes have the same address.
        place = places.setdefault(storage._cdata, len(places))
        if place == len(storages) // 2:
            storages += storage.data_ptr(), storage.nbytes()
        offset = tensor.storage_offset() if tensor.numel() else 0
        dtypes.append(str(tensor.dtype)[6:])
        numbers += int(tensor.requires_grad), place, offset, tensor.dim()
        numbers += tensor.shape
        numbers += tensor.stride()
        kept += tensor, storage
    return " ".join(dtypes), array("q", [len(places), *storages, *numbers]).tobytes(), kept


def _plain(torch, i, tensor):
    """Return *tensor* without lazy bits. A tensor that is more than its memory is a TypeError."""
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
    api = torch_api.of(torch)
    if tensor.device.type != "cpu":
        problem = f"is on {tensor.device}; send tensor.cpu()"
    elif tensor.layout is not torch.strided:
        problem = f"is of layout {tensor.layout}; send tensor.to_dense()"
    elif api.is_quantized(tensor):
        problem = "is quantised; send tensor.int_repr() and its quantiser"
    elif api.names_of(tensor) is not None:
        problem = "has names; send tensor.rename(None) and tensor.names"
    else:
        return tensor.resolve_conj().resolve_neg()
    raise TypeError(f"tensor {i} of the table {problem}")


ALONE = -1


def make_tensors(dtypes, numbers):
    """Return (addresses, tensors), with tensors that `describe_tensors` would describe in that way.

    A storage is described by its size, or by ALONE if its one tensor shows all of it, in order.
    Each storage is new memory, which its tensors keep. The memory is not written to here, so the system
    provides pages only as bytes arrive at the addresses.
    """
    torch = torch_access.require("a tensor")
    untyped_storage = torch_api.of(torch).untyped_storage
    values = iter(array("q", numbers))
    storages, addresses = [], []
    for _ in range(next(values)):
        size = next(values)
        memory = None if size == ALONE else torch.empty(size, dtype=torch.uint8, device="cpu")
        storages.append(memory if memory is None else untyped_storage(memory))
        addresses.append(0 if memory is None else memory.data_ptr())
    tensors = []
    for i, name in enumerate(dtypes.split()):
        dtype = getattr(torch, name, None)
        if dtype is None:
            raise TypeError(
                f"tensor {i} of the table is of torch.{name},"
                f" which torch {torch.__version__} does not have"
            )
        grad, place, offset, dims = next(values), next(values), next(values), next(values)
        size = [next(values) for _ in range(dims)]
        stride = [next(values) for _ in range(dims)]
        storage = storages[place]
        if storage is None:
            tensor = torch.empty(size, dtype=dtype, device="cpu")
            addresses[place] = tensor.data_ptr()
        else:
            tensor = torch.empty(0, dtype=dtype, device="cpu")
            tensor.set_(storage, offset, size, stride)
        tensors.append(tensor.requires_grad_() if grad else tensor)
    return array("q", addresses).tobytes(), tensors
