"""Loading tensors: the functions that pickles of tensors name.

The arguments come from a peer, also under an allow-list. So each function checks its
arguments: a wrong shape or class is an exception, and never a wild read.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from .._attributes import checked as checked_attributes
from .._introspect import repr_of
from . import torch_access, torch_api
from .strides import unpacked
from .table import _receive_tensor

#: by layout, the methods that give its two index tensors
SPARSE_COMPRESSED = {
    "sparse_csr": ("crow_indices", "col_indices"),
    "sparse_bsr": ("crow_indices", "col_indices"),
    "sparse_csc": ("ccol_indices", "row_indices"),
    "sparse_bsc": ("ccol_indices", "row_indices"),
}


def _plain(torch, tensor):
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"expected a tensor, got {type(tensor).__name__}")
    return tensor


def _receive_leaf(data):
    """Return a tensor that requires grad, as a leaf: graphs do not travel."""
    torch = torch_access.require("a tensor")
    return _plain(torch, data).detach().requires_grad_(True)


def _receive_strided(index, size, stride):
    """Return a tensor of the table with the strides that it had: see strides."""
    torch = torch_access.require("a tensor")
    tensor = _plain(torch, _receive_tensor(index))
    return unpacked(torch, torch_api.of(torch).untyped_storage, tensor, size, stride)


def _receive_named(data, names):
    torch = torch_access.require("a tensor")
    if torch_api.of(torch).has_names is None:
        raise TypeError(
            f"a tensor with the names {repr_of(names)} of its dimensions arrived, but torch"
            f" {torch.__version__} has no named tensors; send tensor.rename(None)"
        )
    return _plain(torch, data).refine_names(*names)


def _receive_parameter(data, requires_grad, extra):
    torch = torch_access.require("a Parameter")
    data = _plain(torch, data).detach()
    return _set(torch.nn.Parameter(data, bool(requires_grad)), extra)


def _receive_subclass(cls, data, requires_grad, extra):
    torch = torch_access.require("a tensor")
    if not isinstance(cls, type) or not issubclass(cls, torch.Tensor):
        raise TypeError(f"expected a subclass of torch.Tensor, got {cls!r}")
    data = _plain(torch, data).detach()
    return _set(torch.Tensor._make_subclass(cls, data, bool(requires_grad)), extra)


def _set(tensor, extra):
    if extra is not None:
        tensor.__dict__.update(checked_attributes(extra))
    return tensor


def _receive_sparse(indices, values, size, coalesced):
    torch = torch_access.require("a sparse tensor")
    checked = torch_api.of(torch).checked
    tensor = torch.sparse_coo_tensor(indices, values, size, **checked)
    # A lie about this is at worst a wrong value, and a peer can send any value.
    return tensor._coalesced_(bool(coalesced))


def _receive_sparse_compressed(layout, compressed, plain, values, size):
    torch = torch_access.require("a sparse tensor")
    if layout not in SPARSE_COMPRESSED:
        raise TypeError(f"expected a sparse layout, got {layout!r}")
    kind = getattr(torch, layout)
    checked = torch_api.of(torch).checked
    return torch.sparse_compressed_tensor(compressed, plain, values, size, layout=kind, **checked)


def _receive_quantized(values, scale, zero_point, axis=None):
    torch = torch_access.require("a quantised tensor")
    _plain(torch, values)
    api = torch_api.of(torch)
    if api.make_per_tensor is None or api.make_per_channel is None:
        raise TypeError(
            f"a quantised tensor arrived, but torch {torch.__version__} has none;"
            " send tensor.int_repr() and its quantiser"
        )
    if axis is None:
        return api.make_per_tensor(values, scale, zero_point)
    return api.make_per_channel(values, scale, zero_point, axis)
