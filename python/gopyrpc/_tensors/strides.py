"""Views with gaps, as ``x[::2]`` is: what they show travels, and arrives with their strides.

The elements between are neither sent nor received: they are zeros there. Where there are
many, a view arrives contiguous instead, as a column of a wide matrix would take the
receiver as much memory as the matrix. Both sides know by the strides alone.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

MAX_SPREAD = 16  # elements of memory for each that is shown
ALWAYS = 64 << 10  # bytes that a view may lie in whatever it shows of them


def layout_of(tensor):
    """Return ``(size, stride)`` of a strided tensor with gaps, None for one without."""
    if tensor.is_contiguous():
        return None
    size, stride = tuple(tensor.shape), tensor.stride()
    shown, length = _extent(size, stride)
    return (size, stride) if shown < length else None


def _extent(size, stride):
    """Return how many elements there are to show, repetitions apart, and in how many they lie."""
    shown = length = 1
    for n, step in zip(size, stride):
        if step:
            shown *= n
            length += (n - 1) * step
    return shown, length


def packed(torch, tensor):
    """Return what *tensor* shows without its gaps: contiguous, and 1 long where it repeats itself."""
    return _once(tensor, tensor.stride()).clone(memory_format=torch.contiguous_format)


def _once(tensor, stride):
    for dim, step in enumerate(stride):
        if step == 0 and tensor.shape[dim] > 1:
            tensor = tensor.narrow(dim, 0, 1)
    return tensor


def unpacked(torch, storage_of, tensor, size, stride):
    """Return a tensor of that size with the elements of *tensor*: what `packed` made of one with *stride*, or all of it.

    Of those strides if these leave no more between the elements than the limits above.
    TypeError or ValueError if it cannot have come from such a tensor.
    """
    if tuple(tensor.shape) == size and tensor.stride() == stride:
        return tensor  # it shares memory with others of the message, and came as it was
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
    # Zeros: code that saves the tensor saves all of its storage.
    storage = storage_of(torch.zeros(length, dtype=torch.uint8, device=tensor.device))
    torch.empty(0, dtype=tensor.dtype, device=tensor.device).set_(storage, 0, tensor.shape, stride).copy_(tensor)
    return torch.empty(0, dtype=tensor.dtype, device=tensor.device).set_(storage, 0, size, stride)


def _check(size, stride):
    if type(size) is not tuple or type(stride) is not tuple or len(size) != len(stride):
        raise TypeError(f"expected a size and as many strides, got {size!r} and {stride!r}")
    for number in (*size, *stride):
        if type(number) is not int or not 0 <= number < 1 << 48:
            raise TypeError(f"expected sizes and strides, got {number!r}")
