"""The reader of what dump writes: loads. The reader makes values of the types in JSON.md, and runs no other code."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

import base64
import json
import math

from .dump import Opaque


def loads(text):
    """Return the value that *text* stands for. A ``$object`` becomes an Opaque, which is written as it was read.

    A text that is not in the table of JSON.md is a ValueError.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except RecursionError:
        raise ValueError("containers in each other, too many to be read") from None


def _constant(name):
    raise ValueError(f"{name} is no JSON")


def _object(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"an object has a key twice: {[k for k, _ in pairs]}")
    tags = [k for k in found if k.startswith("$")]
    if not tags:
        return found
    tag = tags[0]
    if len(found) > 1 or tag not in _TAGS:
        raise ValueError(f"{tag} is no tag, or not alone in its object; a dict with such a key is written as $dict")
    try:
        return _TAGS[tag](found[tag])
    except (TypeError, KeyError, IndexError, AttributeError, ArithmeticError, RuntimeError) as exc:
        raise ValueError(f"{tag}: {exc}") from exc


def _of(kind, value):
    if type(value) is not kind:
        raise TypeError(f"a {kind.__name__} was expected, got {type(value).__name__}: {value!r}")
    return value


def _ints(parts, count):
    """Return *parts* if it is a list of *count* ints."""
    if len(_of(list, parts)) != count:
        raise ValueError(f"{count} numbers were expected, got {len(parts)}")
    return [_of(int, part) for part in parts]


def _bytes(text):
    return base64.b64decode(_of(str, text), validate=True)


def _int(text):
    sign, digits, base = text[:1] == "-", text.lstrip("-"), 10
    if digits.startswith("0x"):
        digits, base = digits[2:], 16
    if not digits.isalnum() or not digits.isascii() or len(text) - len(text.lstrip("-")) > sign:
        raise ValueError(f"{text!r} is no number")
    return -int(digits, base) if sign else int(digits, base)


def _float(text):
    # Each NaN is an object of its own: in a set or as keys there are as many as there were.
    return float({"nan": "nan", "inf": "inf", "-inf": "-inf"}[text])


def _complex(parts):
    real, imaginary = parts
    return complex(_of(float, real), _of(float, imaginary))


def _set(kind):
    def read(elements):
        made = kind(_of(list, elements))
        if len(made) < len(elements):
            raise ValueError("an element twice")
        return made

    return read


def _dict(pairs):
    if not all(type(pair) is list and len(pair) == 2 for pair in _of(list, pairs)):
        raise ValueError("pairs of a key and a value were expected")
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key twice")
    return made


def _opaque(body):
    _of(str, _of(dict, body)["type"])
    if not all(type(k) is str and not k.startswith("$") for k in body):
        raise ValueError("a key that no object has")
    return Opaque(body)


def _date(text):
    import datetime

    return datetime.date.fromisoformat(text)


def _time(text):
    import datetime

    text, fold, _ = _suffixes(text)
    return datetime.time.fromisoformat(text).replace(fold=fold)


def _datetime(text):
    import datetime

    text, fold, zone = _suffixes(text)
    value = datetime.datetime.fromisoformat(text).replace(fold=fold)
    if zone is not None:
        import zoneinfo

        value = value.replace(tzinfo=zoneinfo.ZoneInfo(zone))
    return value


def _suffixes(text):
    text, *suffixes = text.replace("]", "").split("[")
    fold = int("_fold=1" in suffixes)
    zones = [s for s in suffixes if "=" not in s]
    return text, fold, zones[0] if zones else None


def _timedelta(parts):
    import datetime

    return datetime.timedelta(*_ints(parts, 3))


def _decimal(text):
    import decimal

    return decimal.Decimal(_of(str, text))


def _fraction(parts):
    import fractions

    return fractions.Fraction(*_ints(parts, 2))


def _uuid(text):
    import uuid

    return uuid.UUID(text)


def _path(text):
    import pathlib

    return pathlib.Path(_of(str, text))


def _elements(body, kind, more=()):
    """Return the data and the shape of an array, all of whose elements are of *kind*. None stands for any kind."""
    if not {"dtype", "shape", "data"} <= set(body) <= {"dtype", "shape", "data", *more}:
        raise ValueError(f"an array has a dtype, a shape and data, not {list(body)}")
    data, shape = _of(list, body["data"]), _of(list, body["shape"])
    if kind is not None:
        for element in data:
            _of(kind, element)
    if math.prod(_ints(shape, len(shape))) != len(data) or min(shape, default=0) < 0:
        raise ValueError(f"{len(data)} elements are no array of shape {shape}")
    return data, shape


# By the kind of numpy's dtype.
_ELEMENTS = {"b": bool, "i": int, "u": int, "f": float, "c": complex, "U": str, "O": None}


def _ndarray(body):
    import numpy

    if "npy" in _of(dict, body):
        return _npy(body["npy"])
    dtype = numpy.dtype(_of(str, body["dtype"]))
    data, shape = _elements(body, _ELEMENTS[dtype.kind])
    flat = numpy.empty(len(data), dtype)
    for i, element in enumerate(data):  # one by one: elements of dtype O may be lists
        flat[i] = element
    return flat.reshape(shape)


def _npy(text):
    import io
    from numpy.lib import format

    return format.read_array(io.BytesIO(_bytes(text)), allow_pickle=False)


def _numpy(body):
    if "npy" in body:
        return _npy(body["npy"])[()]
    return _ndarray({"dtype": body["dtype"], "shape": [], "data": [body["value"]]})[()]


def _tensor(body):
    import torch

    dtype = vars(torch).get(_of(str, body["dtype"]))
    if not isinstance(dtype, torch.dtype):
        raise ValueError(f"{body['dtype']} is no dtype of torch")
    kind = bool if dtype == torch.bool else complex if dtype.is_complex else float if dtype.is_floating_point else int
    data, shape = _elements(body, kind, ("requires_grad",))
    value = torch.tensor(data, dtype=dtype).reshape(shape)
    return value.requires_grad_() if _of(bool, body.get("requires_grad", False)) else value


_TAGS = {
    "$int": _int,
    "$float": _float,
    "$str": lambda v: _bytes(v).decode("utf-8", "surrogatepass"),
    "$complex": _complex,
    "$bytes": _bytes,
    "$bytearray": lambda v: bytearray(_bytes(v)),
    "$range": lambda v: range(*_ints(v, 3)),
    "$tuple": lambda v: tuple(_of(list, v)),
    "$set": _set(set),
    "$frozenset": _set(frozenset),
    "$dict": _dict,
    "$date": _date,
    "$time": _time,
    "$datetime": _datetime,
    "$timedelta": _timedelta,
    "$decimal": _decimal,
    "$fraction": _fraction,
    "$uuid": _uuid,
    "$path": _path,
    "$ndarray": _ndarray,
    "$numpy": _numpy,
    "$tensor": _tensor,
    "$object": _opaque,
}
