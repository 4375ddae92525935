"""Views with gaps, such as ``x[::2]``: the elements that they show travel, and arrive with the view's strides.

The elements in the gaps do not travel, and are zeros at the receiver. A view with large
gaps arrives contiguous instead, as a column of a wide matrix would take the
receiver as much memory as the matrix. Both sides decide that by the strides alone.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

MAX_SPREAD = 16  # elements of memory for each element that is shown
ALWAYS = 64 << 10  # bytes of memory in which a view may lie however little it shows


def layout_of(tensor):
    """Return ``(size, stride)`` of a strided tensor with gaps, None for a tensor without gaps."""
    if tensor.is_contiguous():
        return None
    size, stride = tuple(tensor.shape), tensor.stride()
    shown, length = _extent(size, stride)
    return (size, stride) if shown < length else None


def _extent(size, stride):
    """Return how many elements there are to show, without repetitions, and in how many elements of memory they lie."""
    shown = length = 1
    for n, step in zip(size, stride):
        if step:
            shown *= n
            length += (n - 1) * step
    return shown, length


def packed(torch, tensor):
    """Return what *tensor* shows, without the gaps: contiguous, and 1 long in dimensions that repeat elements."""
    return _once(tensor, tensor.stride()).clone(memory_format=torch.contiguous_format)


def _once(tensor, stride):
    for dim, step in enumerate(stride):
        if step == 0 and tensor.shape[dim] > 1:
            tensor = tensor.narrow(dim, 0, 1)
    return tensor


def unpacked(torch, storage_of, tensor, size, stride):
    """Return a tensor of that size with the elements of *tensor*: what `packed` made of a tensor with *stride*, or all of it.

    The result has those strides if their gaps are within the limits above.
    A *tensor* that cannot have come from such a tensor is a TypeError or ValueError.
    """
    if tuple(tensor.shape) == size and tensor.stride() == stride:
        return tensor  # it shares memory with other tensors of the message, and came as it was
    _check(size, stride)
    tensor = _once(tensor, stride)
    if tuple(tensor.shape) != tuple([n if step else min(n, 1) for n, step in zip(size, stride)]):
        raise ValueError(f"a tensor of size {tuple(tensor.shape)} cannot be one of size {size} and strides {stride}")
    shown, length = _extent(size, stride)
    if shown * tensor.element_size() > storage_of(tensor).nbytes():
        raise ValueError(f"a tensor whose elements repeat cannot be one of size {size} and strides {stride}")
    length *= tensor.element_size()
    if length > max(MAX_SPREAD * shown * tensor.element_size(), ALWAYS):
        return tensor.expand(size)
    # The gaps are zeros, as code that saves the tensor saves all of its storage.
    storage = storage_of(torch.zeros(length, dtype=torch.uint8, device=tensor.device))
    torch.empty(0, dtype=tensor.dtype, device=tensor.device).set_(storage, 0, tensor.shape, stride).copy_(tensor)
    return torch.empty(0, dtype=tensor.dtype, device=tensor.device).set_(storage, 0, size, stride)


def _check(size, stride):
    if type(size) is not tuple or type(stride) is not tuple or len(size) != len(stride):
        raise TypeError(f"expected a size and as many strides, got {size!r} and {stride!r}")
    for number in (*size, *stride):
        if type(number) is not int or not 0 <= number < 1 << 48:
            raise TypeError(f"expected sizes and strides, got {number!r}")
