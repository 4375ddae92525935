"""Python values as JSON that loses nothing: the writer. JSON.md is the specification, and load is the reader.

A result that is printed was computed, perhaps at great cost, so ``dumps`` does not fail: a value that has no form of its
own is written as ``{"$object": ...}``, with its type and its repr.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

import base64
import json
import sys

from .forms import FORMS, numpy_scalar

MAX_SAFE = 2**53 - 1  # a reader that has only binary64 would round larger integers
MAX_DECIMAL_BITS = 2048  # bits; longer integers are hexadecimal, as decimal takes quadratic time, and Python bounds it
MAX_DEPTH = 100  # containers in each other


class Opaque:
    """What the reader makes of ``{"$object": ...}``: a value whose type it does not rebuild."""

    def __init__(self, body):
        self.body = body

    # An Opaque is equal to itself alone: several with the same description stay as many, as keys and in sets.

    def __repr__(self):
        return f"Opaque({self.body!r})"


def dumps(value):
    """Return the JSON text of *value*, on one line."""
    try:
        return _text(Writer().write(value))
    except RecursionError:  # the caller is deep inside of other code
        return _text({"$object": {"type": type_name(type(value)), "repr": _repr(value)}})


def type_name(cls):
    """Return how Python's tracebacks name a class."""
    module, name = _own(cls, "__module__"), _own(cls, "__qualname__")
    return f"{name}" if module in (None, "builtins", "__main__") else f"{module}.{name}"


class Writer:
    """Makes of a value what json.dumps writes. Each value has a Writer of its own."""

    def __init__(self):
        self.around = []  # ids of the containers that the value being written is in

    def write(self, value):
        cls = type(value)
        if value is None or cls is bool:
            return value
        plain = _PLAIN.get(cls)
        if plain is not None:
            return plain(value)
        if id(value) in self.around or len(self.around) >= MAX_DEPTH:
            return self.opaque(value, repr=_repr(value))
        self.around.append(id(value))
        try:
            return self._write_inside(cls, value)
        except Exception:  # of a class's own code, or of a numpy that lacks something
            return self.opaque(value, repr=_repr(value))
        finally:
            self.around.pop()

    def _write_inside(self, cls, value):
        if cls in _CONTAINERS:
            return _CONTAINERS[cls](self, value)
        form = _form_of(cls)
        return form(self, value) if form else self._object(cls, value)

    def list(self, values):
        return [self.write(v) for v in values]

    def dict(self, items):
        """Return an object where all keys are texts that cannot be taken for tags, else a list of pairs."""
        items = list(items)
        if all(type(k) is str and not k.startswith("$") and _is_unicode(k) for k, _ in items):
            return {k: self.write(v) for k, v in items}
        return {"$dict": [[self.write(k), self.write(v)] for k, v in items]}

    def set(self, values):
        """Return the values in the order of their JSON texts, as the order of a set differs from process to process."""
        return sorted(self.list(values), key=_text)

    def opaque(self, of, /, **more):
        return {"$object": {"type": type_name(type(of)), **more}}

    def _object(self, cls, value):
        """Return the form of a value whose class has no form of its own, with that of a known base if there is one."""
        if cls is Opaque:
            return {"$object": {k: self.write(v) for k, v in value.body.items()}}
        enum = sys.modules.get("enum")
        if enum and isinstance(value, enum.Enum):
            return self.opaque(value, name=self.write(value.name), value=self.write(value.value))
        dataclasses = sys.modules.get("dataclasses")
        if dataclasses and dataclasses.is_dataclass(cls):
            names = [f.name for f in dataclasses.fields(cls)]
            return self.opaque(value, value=self.dict((n, getattr(value, n)) for n in names))
        if isinstance(value, tuple) and isinstance(_own(cls, "_fields"), tuple):
            return self.opaque(value, value=self.dict(zip(cls._fields, tuple.__iter__(value))))
        form = next((f for f in (_form_as(base) for base in cls.__mro__[1:]) if f), None)
        if form is None:
            return self.opaque(value, repr=_repr(value))
        attributes = getattr(value, "__dict__", None)
        more = {"attributes": self.dict(attributes.items())} if attributes else {}
        return self.opaque(value, value=form(self, value), **more)


def _text(written):
    return json.dumps(written, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _own(cls, name):
    """Return an attribute of a class, None where the access fails."""
    try:
        return getattr(cls, name, None)
    except Exception:
        return None


def _repr(value):
    try:
        text = repr(value)
        return text if _is_unicode(text) else ascii(text)
    except Exception as exc:
        return f"<{type_name(type(value))} whose repr raised {type_name(type(exc))}>"


def _is_unicode(text):
    """Tell whether a text has no lone surrogates, which UTF-8 lacks, and so JSON."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _base64(data):
    return base64.b64encode(data).decode("ascii")


# --- forms: numbers and texts ---------------------------------------------------------------


def of_int(value):
    if -MAX_SAFE <= value <= MAX_SAFE:
        return value
    return {"$int": str(value) if value.bit_length() <= MAX_DECIMAL_BITS else hex(value)}


def of_float(value):
    if value - value == 0:
        return value
    return {"$float": "nan" if value != value else "inf" if value > 0 else "-inf"}


def of_str(value):
    return value if _is_unicode(value) else {"$str": _base64(value.encode("utf-8", "surrogatepass"))}


def of_complex(value):
    return {"$complex": [of_float(value.real), of_float(value.imag)]}


_PLAIN = {
    int: of_int,
    float: of_float,
    str: of_str,
    complex: of_complex,
    bytes: lambda v: {"$bytes": _base64(v)},
    bytearray: lambda v: {"$bytearray": _base64(v)},
    range: lambda v: {"$range": [of_int(v.start), of_int(v.stop), of_int(v.step)]},
}

_CONTAINERS = {
    list: Writer.list,
    dict: lambda w, v: w.dict(v.items()),
    tuple: lambda w, v: {"$tuple": w.list(v)},
    set: lambda w, v: {"$set": w.set(v)},
    frozenset: lambda w, v: {"$frozenset": w.set(v)},
}

# The values of instances of subclasses of builtins, whatever the subclasses override.
_AS_BASE = {
    int: lambda w, v: of_int(int.__int__(v)),
    float: lambda w, v: of_float(float.__float__(v)),
    complex: lambda w, v: of_complex(complex.__pos__(v)),
    str: lambda w, v: of_str(str.__str__(v)),
    bytes: lambda w, v: {"$bytes": _base64(bytes.__getitem__(v, slice(None)))},
    bytearray: lambda w, v: {"$bytearray": _base64(bytearray.__getitem__(v, slice(None)))},
    list: lambda w, v: w.list(list.__iter__(v)),
    tuple: lambda w, v: {"$tuple": w.list(tuple.__iter__(v))},
    dict: lambda w, v: w.dict(dict.items(v)),
    set: lambda w, v: {"$set": w.set(set.__iter__(v))},
    frozenset: lambda w, v: {"$frozenset": w.set(frozenset.__iter__(v))},
}


def _form_as(base):
    """Return how an instance of a subclass is written as its base. Dates and times are read by their methods,
    which a subclass may have overridden, as pandas' NaT has."""
    return _AS_BASE.get(base) or (_form_of(base) if _own(base, "__name__") in ("ndarray", "Tensor") else None)


def _form_of(cls):
    """Return how a class of a known library is written. No library is imported: a process that has such a value has the module."""
    name = f"{_own(cls, '__module__')}.{_own(cls, '__qualname__')}"
    form = FORMS.get(name)
    if form is not None:
        module, _, attribute = name.rpartition(".")
        return form if getattr(sys.modules.get(module), attribute, None) is cls else None
    return numpy_scalar(cls)
