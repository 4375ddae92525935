"""Values of known libraries as JSON: the standard library's dates and numbers, numpy's and torch's arrays.

The module imports none of these libraries. See dump.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

import base64
import io
import math
import sys


def _moment(tag, value):
    """Return the form of a date with a time, or of a time: ISO 8601, with RFC 9557's suffixes for what ISO 8601 lacks."""
    text = value.isoformat()
    zone = value.tzinfo
    if zone is not None:
        text += _zone(value, zone)
    if value.fold:
        text += "[_fold=1]"
    return {tag: text}


def _zone(value, zone):
    import datetime

    if type(zone) is datetime.timezone:
        if zone.tzname(None) != datetime.timezone(zone.utcoffset(None)).tzname(None):
            raise ValueError("a time zone with a name of its own")
        return ""
    zoneinfo = sys.modules.get("zoneinfo")
    if zoneinfo and type(zone) is zoneinfo.ZoneInfo and zone.key and type(value) is datetime.datetime:
        return f"[{zone.key}]"
    raise ValueError("a time zone that is not of the standard library")


def _fraction(writer, value):
    return {"$fraction": writer.list([value.numerator, value.denominator])}


# --- arrays -----------------------------------------------------------------------------------

_LISTED = "biufcUO"  # kinds of dtype whose elements have forms of their own


def _is_listed(dtype):
    """Tell whether Python's numbers and texts hold what the elements hold. Long doubles, for example, are wider."""
    size = {"f": 8, "c": 16}.get(dtype.kind, math.inf)
    return dtype.kind in _LISTED and dtype.fields is None and dtype.itemsize <= size


def _ndarray(writer, value):
    if hasattr(value, "mask"):
        raise ValueError("a masked array: its data alone would be taken for the whole")
    value = sys.modules["numpy"].asarray(value)  # a matrix is never flat
    if not _is_listed(value.dtype):
        return {"$ndarray": {"npy": _npy(value)}}
    data = writer.list(value.ravel(order="C").tolist())
    return {"$ndarray": {"dtype": value.dtype.str, "shape": list(value.shape), "data": data}}


def _npy(value):
    from numpy.lib import format

    file = io.BytesIO()
    format.write_array(file, value, allow_pickle=False)
    return base64.b64encode(file.getvalue()).decode("ascii")


def numpy_scalar(cls):
    """Return how numpy's own scalar types are written, None for other classes."""
    numpy = sys.modules.get("numpy")
    if numpy is None or cls.__module__ != "numpy" or not issubclass(cls, numpy.generic):
        return None
    return _scalar


def _scalar(writer, value):
    array = sys.modules["numpy"].asarray(value)
    if isinstance(value, (str, bytes)) and len(array.item()) < len(value):  # zeros at the end, which arrays do not keep
        base = str if isinstance(value, str) else bytes
        return writer.opaque(value, value=writer.write(base.__getitem__(value, slice(None))))
    if _is_listed(array.dtype):
        return {"$numpy": {"dtype": array.dtype.str, "value": writer.write(array.item())}}
    return {"$numpy": {"npy": _npy(array)}}


def _tensor(writer, value):
    torch = sys.modules["torch"]
    if value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized:
        raise ValueError("a tensor whose elements are not to be had one by one")
    data = value.detach().reshape(-1).tolist()
    body = {"dtype": str(value.dtype)[len("torch.") :], "shape": list(value.shape), "data": writer.list(data)}
    if value.requires_grad:
        body["requires_grad"] = True
    return {"$tensor": body}


def _frame(writer, value):
    """Return the description of a DataFrame, which the reader does not rebuild. It is whole, and the repr is not."""
    body = value.to_dict("split")
    dtypes = [str(dtype) for dtype in value.dtypes]
    return writer.opaque(value, value=writer.dict([*body.items(), ("dtypes", dtypes)]))


def _series(writer, value):
    parts = {"name": value.name, "index": value.index.tolist(), "data": value.tolist(), "dtype": str(value.dtype)}
    return writer.opaque(value, value=writer.dict(parts.items()))


FORMS = {
    "pandas.core.frame.DataFrame": _frame,
    "pandas.DataFrame": _frame,  # 3.0
    "pandas.core.series.Series": _series,
    "pandas.Series": _series,
    "datetime.date": lambda w, v: {"$date": v.isoformat()},
    "datetime.time": lambda w, v: _moment("$time", v),
    "datetime.datetime": lambda w, v: _moment("$datetime", v),
    "datetime.timedelta": lambda w, v: {"$timedelta": [v.days, v.seconds, v.microseconds]},
    "decimal.Decimal": lambda w, v: {"$decimal": str(v)},
    "fractions.Fraction": _fraction,
    "uuid.UUID": lambda w, v: {"$uuid": str(v)},
    "pathlib.PosixPath": lambda w, v: {"$path": w.write(str(v))},
    "pathlib._local.PosixPath": lambda w, v: {"$path": w.write(str(v))},  # 3.13
    "numpy.ndarray": _ndarray,
    "torch.Tensor": _tensor,
    "torch._tensor.Tensor": _tensor,
}
