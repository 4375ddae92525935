"""Whether two object graphs are the same: types, values, shape, sharing and cycles; a NaN by its bits."""

import copyreg
import struct
import types

ATOMS = (type(None), bool, int, str, bytes, type(Ellipsis), type(NotImplemented))
BY_NAME = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType)


def difference(a, b):
    """Return "" if they are the same, or else what differs first."""
    seen, back, keep = {}, {}, []
    todo = [(a, b, "x")]
    while todo:
        a, b, where = todo.pop()
        if type(a) is not type(b):
            return f"{where}: {type(a)} and {type(b)}"
        if type(a) in ATOMS:
            if a != b:
                return f"{where}: {a!r:.80} and {b!r:.80}"
            continue
        if type(a) is float:
            if struct.pack("d", a) != struct.pack("d", b):
                return f"{where}: {a!r} and {b!r}"
            continue
        if type(a) is complex:
            todo += [(a.real, b.real, where + ".real"), (a.imag, b.imag, where + ".imag")]
            continue
        if isinstance(a, BY_NAME) and not is_bound(a):
            if a is not b:
                return f"{where}: {a!r:.80} and {b!r:.80}"
            continue
        if id(a) in seen or id(b) in back:
            if seen.get(id(a)) != id(b) or back.get(id(b)) != id(a):
                if a == () == b or type(a) is frozenset and not a and not b:
                    continue  # one object, by CPython's choice
                return f"{where}: shared in one of them"
            continue
        seen[id(a)], back[id(b)] = id(b), id(a)
        keep.append((a, b))
        left, right = parts(a), parts(b)
        if len(left) != len(right):
            return f"{where}: {len(left)} and {len(right)} parts of {type(a)}"
        keep.append((left, right))  # lest an id comes again
        todo += [(x, y, f"{where}.{i}") for i, (x, y) in enumerate(zip(left, right))]
    return ""


def is_bound(x):
    """Tell whether a built-in function is a method of an object: the two have one type."""
    return type(x) is types.BuiltinFunctionType and not isinstance(x.__self__, (types.ModuleType, type(None)))


def parts(obj):
    """Take an object apart, into what it holds in order."""
    kind = type(obj)
    if kind in (list, tuple):
        return list(obj)
    if kind is bytearray:
        return [bytes(obj)]
    if kind is dict:
        return [part for pair in obj.items() for part in pair]
    if kind in (set, frozenset):
        if any(has_nan(x) for x in obj):  # whose hash is an address
            return [" ".join(sorted(map(printed, obj)))]
        return list(obj)
    if kind.__name__ == "Stand":
        return [x for step in (obj.how, *obj.log) for x in (len(step), *step)]
    if hasattr(obj, "__array_interface__"):
        return array(obj)
    reduce = copyreg.dispatch_table.get(kind)
    made = reduce(obj) if reduce else obj.__reduce_ex__(4)
    if isinstance(made, str):
        return [made]
    return [list(part) if i in (3, 4) and part is not None else part for i, part in enumerate(made)]


def array(obj):
    content = obj.tolist() if obj.dtype.hasobject else obj.tobytes("A")
    return [str(obj.dtype), obj.shape, obj.flags.fortran, content]


def has_nan(x):
    if type(x) in (tuple, frozenset):
        return any(map(has_nan, x))
    return x != x


def printed(x):
    if type(x) is float:
        return struct.pack("d", x).hex()
    if type(x) is tuple:
        return "(" + ",".join(map(printed, x)) + ")"
    if type(x) is frozenset:
        return "{" + ",".join(sorted(map(printed, x))) + "}"
    return ascii(x) if type(x) in ATOMS else type(x).__name__
