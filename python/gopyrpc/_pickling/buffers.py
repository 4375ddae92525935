"""Pickles in parts: large objects of bytes are not copied into them.

A pickler writes an object of bytes of 64 KiB and more to its file as it is. A file
that keeps the objects that it is given has the whole pickle then, and nothing was copied. In
memory of its own the pickler would grow to make room for the object, which for 1 MiB
takes 20 times as long as a copy.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from .._udf import PythonUDF

LARGE = 1 << 16
FEW = 8  # items; to look at more items of a container costs more than it saves
_MOST = 32  # parts; a pickle in more parts has small parts only
SIZED = frozenset((bytes, bytearray, str))


class Parts:
    """The file of a pickler: what was written, in order."""

    __slots__ = ("_parts", "write")

    def __init__(self):
        self._parts = []
        self.write = self._parts.append

    def taken(self, joined):
        """Return the pickle: bytes, or unless *joined* a list of bytes where it has several parts."""
        parts = self._parts
        for i, part in enumerate(parts):
            if type(part) is not bytes:
                parts[i] = _frozen(part, parts[i - 1])
        if len(parts) == 1:
            return parts[0]
        return b"".join(parts) if joined or len(parts) > _MOST else parts


def _frozen(part, before):
    """Return a bytearray as bytes, with the length that the opcode in front says."""
    data = bytes(part)
    said = int.from_bytes(before[-8:], "little")
    if len(data) != said:
        raise RuntimeError(f"a bytearray changed its size during pickling, from {said} bytes to {len(data)}")
    return data


def has_large(obj):
    """Tell, from a glance, whether *obj* contains an object that is worth a part. False proves nothing."""
    cls = type(obj)
    if cls is PythonUDF:
        return has_large(obj.args) or bool(obj.kwargs) and has_large(obj.kwargs)
    if cls in SIZED:
        return len(obj) >= LARGE
    if cls is dict:
        obj = obj.values()
    elif cls is not tuple and cls is not list:
        return False
    if len(obj) <= FEW:
        for item in obj:
            if type(item) in SIZED and len(item) >= LARGE:
                return True
    return False
