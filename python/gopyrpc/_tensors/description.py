"""The tensors of a table as memory: described for sending, made from what arrived.

What is in the head of the flat form, and whether it can be, is for Go (package
handler/wire); here is only what needs torch. Behind the copy of a large tensor all of
this is cold, and takes as long as the copy: so there is little of it, and what goes
over is one string of dtypes, separated by spaces, and one of numbers, of 64 bits each:
the number of storages, what there is to say of each, and of each tensor its
requires_grad, number of the storage, offset and number of dimensions, then sizes,
then strides.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from array import array

from . import torch_access, torch_api
from .reducers import check_sendable


def describe_tensors(tensors):
    """Return (dtypes, numbers, kept) for plain CPU tensors.

    Of a storage there are address and size, once, however many tensors show it. The
    addresses are valid while *kept* lives. TypeError says which tensor has no memory
    to send.
    """
    torch = torch_access.require("a tensor")
    if len(tensors) == 1:
        tensor = _plain(torch, 0, tensors[0])
        count = tensor.numel()
        if count and tensor.is_contiguous():  # all it shows is its own, whatever else is in the storage
            numbers = [1, tensor.data_ptr(), count * tensor.element_size(), int(tensor.requires_grad), 0, 0, tensor.dim()]
            numbers += tensor.shape
            numbers += tensor.stride()
            return str(tensor.dtype)[6:], array("q", numbers).tobytes(), tensor  # "torch.float32"
    untyped_storage = torch_api.of(torch).untyped_storage
    dtypes, numbers, storages, kept, places = [], [], [], [], {}
    for i, tensor in enumerate(tensors):
        tensor = _plain(torch, i, tensor)
        storage = untyped_storage(tensor)
        # Not the address: two storages of no bytes have the same.
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
    """Return (addresses, tensors): those that `describe_tensors` would describe so.

    Of a storage there is its size, or ALONE: its one tensor shows all of it, in order.
    Each is new memory, which its tensors keep. It is not written to, so what the system
    gives is taken only as bytes arrive at the addresses.
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
