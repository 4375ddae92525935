"""Walk the instructions of a pickle without running any.

Only to find out whether the C unpickler may be let loose on it under an
allow-list. One table lookup per instruction; ``pickletools.genops`` would take ten
times as long.
"""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

# What follows an instruction's byte. Non-negative: that many bytes.
_LENGTH1, _LENGTH4, _LENGTH8 = -1, -4, -8  # a length of so many bytes, then data
_LINE, _LINES = -10, -11  # one line of text, or two
_STOP, _UNSAFE, _TUPLE, _PUT, _LONG_PUT = -20, -21, -22, -23, -24

_KINDS = [_UNSAFE] * 256  # also what does not exist: the unpickler will say so


def _define(kind, codes):
    for code in codes:
        _KINDS[code] = kind


_define(0, b"(012NQR)]}aelosu\x81\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98d")
_define(_TUPLE, b"t\x85\x86\x87")
_define(1, b"Khq\x80")
_define(2, b"M")
_define(4, b"Jj")
_define(8, b"G\x95")
_define(_LENGTH1, b"UC\x8a\x8c")
_define(_LENGTH4, b"TXB\x8b")
_define(_LENGTH8, b"\x8d\x8e\x96")
_define(_LINE, b"FILPSVg")
_define(_LINES, b"ci")
_define(_PUT, b"p")
_define(_LONG_PUT, b"r")
_define(_STOP, b".")

_LENGTHS = {_LENGTH1: 1, _LENGTH4: 4, _LENGTH8: 8}
_MAX_TUPLES = 2000


def is_plain(data):
    """Tell whether the C unpickler, policed by find_class alone, can do no harm.

    False for: BUILD, which sets attributes of anything; extension codes, which have
    a cache before find_class; a memo index larger than the number of bytes before
    it, for which C would allocate the whole range; thousands of tuples, as hash()
    recurses through nested ones in C without a limit; anything malformed.
    """
    pos = tuples = 0
    from_bytes = int.from_bytes
    try:
        while True:
            kind = _KINDS[data[pos]]
            if kind >= 0:
                pos += 1 + kind
            elif kind == _LENGTH1:
                pos += 2 + data[pos + 1]
            elif kind == _TUPLE:
                tuples += 1
                pos += 1
                if tuples > _MAX_TUPLES:
                    return False
            elif kind in _LENGTHS:
                size = _LENGTHS[kind]
                start = pos + 1 + size
                pos = start + from_bytes(data[pos + 1 : start], "little")
            elif kind == _LINE:
                pos = data.index(b"\n", pos) + 1
            elif kind == _LINES:
                pos = data.index(b"\n", data.index(b"\n", pos) + 1) + 1
            elif kind == _LONG_PUT:
                if from_bytes(data[pos + 1 : pos + 5], "little") > pos:
                    return False
                pos += 5
            elif kind == _PUT:
                end = data.index(b"\n", pos)
                if int(data[pos + 1 : end]) > pos:
                    return False
                pos = end + 1
            else:
                return kind == _STOP
    except (IndexError, ValueError):
        return False
