"""What the Go tests of the reader ask CPython.

Requests and answers are frames on stdin and stdout: a length of four bytes, little-endian, and so many bytes. A request
is a letter and its fields, themselves frames:

  c            -> the corpus: name, pickle, name, pickle…
  r PICKLE CANONICAL BUFFER…   -> "" if both make the same objects, or else what differs
  s PICKLE CANONICAL BUFFER…   -> the same, with a stand-in for every global
  h            -> literals and their hashes, a line each
  e EXPRESSION CANONICAL -> "" if the canonical pickle makes what the expression says
  d PICKLE     -> what hashing, printing, comparing, copying, pickling and freeing it raise, on a thread of 1 MiB
  m PICKLE     -> how much memory its objects take, in bytes

A BUFFER is a letter, b for bytes and a for bytearray, or g for a global, and the content.

The pickle itself is read by CPython's pure-Python unpickler, which is the most literal reading of the format that there
is; the canonical one by the C unpickler, as in production.
"""

import copy
import io
import pickle
import pickletools
import struct
import sys
import threading
import tracemalloc

import corpus
from same import difference

CANONICAL = frozenset(
    """
    PROTO FRAME STOP MARK POP POP_MARK MEMOIZE BINGET LONG_BINGET NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1
    LONG4 BINFLOAT SHORT_BINUNICODE BINUNICODE BINUNICODE8 SHORT_BINBYTES BINBYTES BYTEARRAY8 NEXT_BUFFER EMPTY_LIST
    EMPTY_DICT EMPTY_SET EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 FROZENSET APPEND APPENDS SETITEM SETITEMS ADDITEMS
    STACK_GLOBAL REDUCE
    """.split()
)


class Stand:
    """Stands in for a global and for whatever is made with it. Notes what is done to it."""

    def __new__(cls, *args, **kwargs):
        made = object.__new__(Stand)
        if cls is Stand:
            made.how = args
        else:  # cls.__new__(cls, …) of NEWOBJ: Stand is an instance here, and no class
            made.how = ("new", cls, args, kwargs, outline((args, kwargs)))
        made.log = []
        return made

    def __call__(self, *args):
        if args and type(args[0]) is Stand:
            args[0].note_call(self, *args[1:])
        made = object.__new__(Stand)
        made.how = ("call", self, args, outline(args))
        made.log = []
        return made

    def note_call(self, *step):
        """Note a call that had this object first, once: one that a pickler drops and repeats is made once here."""
        if not any(same_step(step, other) for other in self.log):
            self.log.append(step)

    def __hash__(self):
        return 1  # so that the order of a set does not depend on addresses

    def append(self, item):
        self.log.append(("append", item))

    def extend(self, items):
        self.log += [("append", item) for item in items]

    def __setitem__(self, key, value):
        self.log.append(("set", key, value))

    def add(self, item):
        self.log.append(("add", item))

    def __setstate__(self, state):
        self.log.append(("state", state, outline(state)))


def outline(x, depth=4):
    """Say what a value is like now: whoever gets it may copy it before more is added."""
    if type(x) is Stand:
        return f"<{len(x.log)}>"
    if not depth or type(x) not in (list, tuple, dict, set, frozenset):
        return type(x).__name__
    items = [outline(i, depth - 1) for i in (x.items() if type(x) is dict else x)]
    if type(x) in (set, frozenset):
        items.sort()  # their order is that of hashes, and the hash of a NaN that of its address
    return f"{type(x).__name__}{len(x)}[{','.join(items)}]"


def same_step(a, b):
    return len(a) == len(b) and all(x is y or type(x) in (int, float) and repr(x) == repr(y) for x, y in zip(a, b))


class StandInUnpickler(pickle._Unpickler):
    def find_class(self, module, name):
        return Stand("global", module, name)


def apply(obj, steps):
    """Do to an object what the Go test has written as a call: kinds of changes and what they have, in turn."""
    for kind, items in zip(steps[::2], steps[1::2]):
        if kind == "append":
            for item in items:
                obj.append(item)
        elif kind == "set":
            for key, value in zip(items[::2], items[1::2]):
                obj[key] = value
        elif kind == "add":
            for item in items:
                obj.add(item)
        elif kind == "state":
            build(obj, items[0])
        else:
            items[0](obj, *items[1:])


def build(obj, state):
    """BUILD, as the documentation of pickle has it."""
    setstate = getattr(obj, "__setstate__", None)
    if setstate is not None:
        return setstate(state)
    slots = None
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    if state:
        obj.__dict__.update(state)
    for name, value in (slots or {}).items():
        setattr(obj, name, value)


class SymbolicUnpickler(pickle.Unpickler):
    """Reads the canonical pickle: the test's own names are functions, all others stand in."""

    def find_class(self, module, name):
        if module == "canonical":
            return {"apply": apply, "new": symbolic_new}[name]
        return Stand("global", module, name)


def symbolic_new(cls, args, kwargs=None):
    return Stand.__new__(cls, *args, **(kwargs or {}))


class RealUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if module == "canonical":
            return {"apply": apply, "new": real_new}[name]
        return super().find_class(module, name)


def real_new(cls, args, kwargs=None):
    return cls.__new__(cls, *args, **(kwargs or {}))


def compare(original, canonical, buffers, reader, canonical_reader):
    for op, _, _ in pickletools.genops(canonical):
        if op.name not in CANONICAL:
            return f"{op.name} in the canonical pickle"
    buffers = [
        bytes(b[1:]) if b[:1] == b"b" else bytearray(b[1:]) for b in buffers
    ]
    try:
        wanted = reader(io.BytesIO(original)).load()
    except Exception as e:
        return f"the original: {e!r}"
    try:
        got = canonical_reader(io.BytesIO(canonical), buffers=buffers).load()
    except Exception as e:
        return f"the canonical one: {e!r}"
    return difference(wanted, got)


def on_small_stack(data):
    raised = []

    def work():
        made = [pickle.loads(data)]
        other = pickle.loads(data)
        for do in (hash, repr, pickle.dumps, copy.deepcopy, lambda x: x == other, lambda x: made.clear()):
            try:
                do(made[0])
            except (RecursionError, TypeError) as e:
                raised.append(type(e).__name__)

    sys.setrecursionlimit(1000)
    before = threading.stack_size(1 << 20)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    threading.stack_size(before)
    sys.setrecursionlimit(20_000)
    return " ".join(raised)


def fields(data):
    at = 0
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        yield data[at + 4 : at + 4 + size]
        at += 4 + size


def frame(data):
    return struct.pack("<I", len(data)) + data


def answer(request):
    kind, rest = request[:1], list(fields(request[1:]))
    if kind == b"c":
        return b"".join(frame(part) for pair in corpus.pickles() for part in pair)
    if kind == b"h":
        return corpus.hashes().encode()
    if kind == b"e":
        made = SymbolicUnpickler(io.BytesIO(rest[1])).load()
        return difference(eval(rest[0].decode()), made).encode()
    if kind == b"d":
        return on_small_stack(rest[0]).encode()
    if kind == b"m":
        tracemalloc.start()
        made = pickle.loads(rest[0])
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        del made
        return str(size).encode()
    reader, canonical_reader = {
        b"r": (pickle._Unpickler, RealUnpickler),
        b"s": (StandInUnpickler, SymbolicUnpickler),
    }[kind]
    return compare(rest[0], rest[1], rest[2:], reader, canonical_reader).encode("utf-8", "backslashreplace")


def main():
    sys.setrecursionlimit(20_000)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    while True:
        head = source.read(4)
        if not head:
            return
        sink.write(frame(answer(source.read(struct.unpack("<I", head)[0]))))
        sink.flush()


main()
