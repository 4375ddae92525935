"""Sending tensors: what goes into the table, and what the pickle says about it.

An entry of the table is always a *plain* tensor: of the exact class torch.Tensor,
strided, without autograd history, lazy bits or quantiser. The code that carries the table
needs to know dtype, shape, strides and bytes, and nothing else. All other properties of a
tensor travel in the pickle, as a call of one of unpickle_hooks.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from . import torch_access, torch_api
from .strides import layout_of
from .unpickle_hooks import (
    SPARSE_COMPRESSED,
    _receive_leaf,
    _receive_named,
    _receive_parameter,
    _receive_quantized,
    _receive_sparse,
    _receive_sparse_compressed,
    _receive_strided,
    _receive_subclass,
)

# The methods by which a subclass says how it is pickled.
_PICKLING = ("__reduce_ex__", "__reduce__", "__getstate__", "__setstate__")


def reducer_for(cls, to_table):
    """Return the reducer for instances of *cls*, None if it is no tensor class.

    A class that pickles itself has no reducer either, nor has a class whose instances have no
    data of their own (``__torch_dispatch__`` wrappers): both know better how to pickle.
    """
    torch = torch_access.find()
    if torch is None or not issubclass(cls, torch.Tensor):
        return None
    if cls is torch.Tensor:
        return _make_reduce(torch, to_table)
    if cls is torch.nn.Parameter:
        return lambda tensor: _reduce_parameter(torch, tensor)
    if any(getattr(cls, n) is not getattr(torch.Tensor, n, None) for n in _PICKLING):
        return None
    if cls.__torch_dispatch__ is not torch.Tensor.__torch_dispatch__:
        return None
    return lambda tensor: _reduce_subclass(torch, tensor)


def _make_reduce(torch, to_table):
    """Make the reducer for instances of exactly torch.Tensor.

    A tensor that is nested in the reduce values comes to this reducer next.
    """
    api, strided = torch_api.of(torch), torch.strided
    # A tensor is plain if all of these say no. MKL-DNN has a layout of its own.
    special = [api.is_quantized, api.is_meta, api.is_nested]
    has_names = api.has_names

    def reduce(tensor):
        if tensor.requires_grad:
            return _receive_leaf, (tensor.detach(),)
        if tensor.layout is not strided or any([is_(tensor) for is_ in special]):
            check_sendable(torch, tensor)
            return _reduce_special(torch, tensor)
        if has_names is not None and has_names(tensor):
            return _receive_named, (tensor.rename(None), tensor.names)
        layout = layout_of(tensor)
        # Lazy conjugation and negation are bits beside the data, so without this
        # the values would arrive wrong.
        if tensor.is_conj() or tensor.is_neg():
            layout = tuple(tensor.shape), tensor.stride()  # the next line may change the strides
            tensor = tensor.resolve_conj().resolve_neg()
        receive, args = to_table(tensor)
        return (receive, args) if layout is None else (_receive_strided, (*args, *layout))

    return reduce


def check_sendable(torch, tensor):
    """Raise a TypeError that says what to send instead, for a tensor that has no data to send.

    Without the check torch would raise an internal error, or end the process:
    torch aborts on an MKL-DNN tensor.
    """
    api = torch_api.of(torch)
    if api.is_meta(tensor):
        raise TypeError(
            "cannot send a meta tensor: it has a shape but no data;"
            " send its shape and dtype instead"
        )
    if api.is_mkldnn(tensor):
        raise TypeError(
            "cannot send an MKL-DNN tensor: its layout is private to this process;"
            " send tensor.to_dense()"
        )
    if api.is_nested(tensor):
        raise TypeError(
            "cannot send a nested tensor; send tensor.unbind(), a list of tensors"
        )
    if tensor.layout is torch.strided or tensor.layout is torch.sparse_coo:
        return
    if str(tensor.layout)[6:] not in SPARSE_COMPRESSED:  # "torch.sparse_csr"
        raise TypeError(f"cannot send a tensor of layout {tensor.layout}")


def _reduce_special(torch, tensor):
    if torch_api.of(torch).is_quantized(tensor):
        return _reduce_quantized(torch, tensor)
    size = tuple(tensor.shape)
    if tensor.layout is torch.sparse_coo:
        parts = tensor._indices(), tensor._values()
        return _receive_sparse, (*parts, size, tensor.is_coalesced())
    layout = str(tensor.layout)[6:]
    names = SPARSE_COMPRESSED[layout]
    indices = [getattr(tensor, name)() for name in names]
    return _receive_sparse_compressed, (layout, *indices, tensor.values(), size)


def _reduce_quantized(torch, tensor):
    scheme = tensor.qscheme()
    if tensor.dtype not in (torch.qint8, torch.quint8, torch.qint32):
        raise TypeError(
            f"cannot send a tensor of {tensor.dtype}: elements of less than a byte;"
            " send tensor.dequantize()"
        )
    values = tensor.int_repr()
    if scheme is torch.per_tensor_affine:
        spec = tensor.q_scale(), tensor.q_zero_point()
    elif str(scheme)[6:] in ("per_channel_affine", "per_channel_affine_float_qparams"):
        spec = (
            tensor.q_per_channel_scales(),
            tensor.q_per_channel_zero_points(),
            tensor.q_per_channel_axis(),
        )
    else:
        raise TypeError(f"cannot send a tensor quantised by {scheme}")
    return _receive_quantized, (values, *spec)


def _reduce_parameter(torch, tensor):
    return _receive_parameter, (tensor.data, tensor.requires_grad, _extra(tensor))


def _reduce_subclass(torch, tensor):
    """Reduce a subclass: its data, its class by name, its attributes.

    The guard is on, as ``__torch_function__`` would see every attribute that is read here.
    """
    with torch_api.of(torch).no_torch_function():
        check_sendable(torch, tensor)
        plain = torch.Tensor._make_subclass(torch.Tensor, type(tensor).detach(tensor))
        args = type(tensor), plain, tensor.requires_grad, _extra(tensor)
    return _receive_subclass, args


def _extra(tensor):
    """Return the attributes that a program has set on *tensor*, None if there are none."""
    return dict(tensor.__dict__) or None


def mend_table(table):
    """Return another module's *table*, and mend in it what a carrier would get wrong.

    torch's module puts tensors into the table as they are. Lazy bits would be lost on the way,
    and an opaque tensor would end the process that writes it. torch can carry sparse tensors.
    """
    torch = torch_access.find()
    if torch is None:
        return table
    return [_mend(torch, t) if isinstance(t, torch.Tensor) else t for t in table]


def _mend(torch, tensor):
    check_sendable(torch, tensor)
    if tensor.layout is torch.strided:
        return tensor.resolve_conj().resolve_neg()
    return tensor
