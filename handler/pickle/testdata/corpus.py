"""Values of all kinds, and their pickles."""

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import math
import pathlib
import pickle
import pickletools
import random
import re
import types
import uuid


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    class Inner:
        pass

    def __hash__(self):
        return 7  # so that the order of a set does not depend on addresses

    def method(self):
        return 1


class Slots:
    __slots__ = ("a", "b", "__dict__")


class State:
    def __init__(self, value):
        self.value = value

    def __getstate__(self):
        return [self.value]

    def __setstate__(self, state):
        self.value = state[0]


class Keywords:
    def __new__(cls, *, size):
        made = super().__new__(cls)
        made.size = size
        return made

    def __getnewargs_ex__(self):
        return (), {"size": self.size}


class ListOf(list):
    pass


class DictOf(dict):
    pass


class SetOf(set):
    pass


class FrozenOf(frozenset):
    pass


class TupleOf(tuple):
    pass


class IntOf(int):
    pass


class StrOf(str):
    pass


class BytesOf(bytes):
    pass


class Caller:
    """Is made by a call of any arguments."""

    def __init__(self, *args):
        self.args = args

    def __reduce__(self):
        return Caller, self.args


class Holder:
    """Is made with a list that may hold it."""

    def __init__(self, items):
        self.items = items

    def __reduce__(self):
        return Holder, (self.items,)


class WithSetter:
    """Gets its state by a function, the sixth element of what is reduced to."""

    def __reduce__(self):
        return WithSetter, (), self.__dict__, None, None, set_attributes


def set_attributes(obj, state):
    obj.__dict__.update(state)


class Color(enum.Enum):
    RED = 1
    BLUE = "b"


class Flags(enum.Flag):
    A = 1
    B = 2


class Small(enum.IntEnum):
    ONE = 1


Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Job:
    name: str
    sizes: list
    parent: object = None


@dataclasses.dataclass(frozen=True)
class Key:
    a: int
    b: str


class Problem(Exception):
    def __init__(self, code, text):
        super().__init__(code, text)
        self.code = code


def nested(depth, wrap):
    value = 0
    for _ in range(depth):
        value = wrap(value)
    return value


def cycles():
    items = []
    items.append(items)
    yield "list in itself", items
    table = {}
    table["self"] = table
    yield "dict in itself", table
    for size in (1, 2, 3, 4, 5):
        items = []
        t = (items, *range(size - 1))
        items.append(t)
        yield f"tuple of {size} in itself", t
        yield f"list of a tuple of {size} of it", items
    for at in range(3):
        lists = [[], [], []]
        t = tuple(lists)
        for each in lists:
            each.append(t)
        yield f"tuple in three lists of itself, {at}", (t, lists[at], t)[at]
    table = {}
    t = (table, "end", 2.5)
    table[1] = t
    yield "tuple in a dict of itself", t
    inner = []
    outer = ((inner, 1), 2)
    inner.append(outer)
    inner.append(outer[0])
    yield "tuple of a tuple in itself", outer
    plain = Plain()
    plain.me = plain
    plain.more = [plain, {"k": plain}, (plain,)]
    plain.keys = {plain: 1}
    yield "instance in itself", plain
    plain = Plain()
    plain.set = {plain}
    yield "instance in a set of its own", plain
    plain.frozen = frozenset([plain, 1])
    yield "instance in a frozenset of its own", plain
    yield "frozenset of an instance that has it", plain.frozen
    yield "set of an instance that has it", plain.set
    holder = Holder([])
    holder.items.append(holder)
    yield "object in its arguments", holder
    yield "list with an object that has it", holder.items
    more = ListOf([1])
    more.append(more)
    more.me = more
    yield "subclass of list in itself", more
    more = DictOf(a=1)
    more["me"] = more
    yield "subclass of dict in itself", more
    plain = Plain()
    more = SetOf([plain, 2])
    plain.held = more
    yield "subclass of set in itself", more
    more.name = "x"
    yield "subclass of set with attributes in itself", more
    plain = Plain()
    plain.held = TupleOf((plain, 1))
    yield "subclass of tuple in itself", plain
    queue = collections.deque([1])
    queue.append(queue)
    yield "deque in itself", queue


def values():
    yield "none", None
    yield "bools", [True, False]
    ints = [0, 1, -1, 255, 256, 65535, 65536]
    for bits in (31, 32, 63, 64, 127, 128, 1000, 2039, 2040, 2041, 8000):
        ints += [x for n in (2**bits, -(2**bits)) for x in (n - 1, n, n + 1)]
    yield "ints", ints
    yield "floats", [0.0, -0.0, 1.5, -1e300, 5e-324, math.inf, -math.inf, math.nan, -math.nan]
    yield "complex", [1j, complex(math.nan, -0.0)]
    yield "text", ["", "a", "é", "€", "😀", "\x00\n", "\ud800x", "\udfff\ud800", "a" * 255, "a" * 256, "é" * 128]
    yield "long text", ["x" * 70000, "é" * 70000, "y" * 65536]
    yield "bytes", [b"", b"\x00\xff", b"a" * 255, b"a" * 256, bytes(range(256)) * 4]
    yield "bytearrays", [bytearray(), bytearray(b"abc"), bytearray(300)]
    yield "large", [b"z" * 65535, b"z" * 65536, bytearray(b"w" * 70000), b"tail"]
    shared = b"s" * 66000
    yield "large and shared", [shared, {"k": shared}, shared]
    yield "empty", [[], (), {}, set(), frozenset()]
    yield "tuples", [(1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), tuple(range(300))]
    yield "sets", [{1, 2, "a"}, frozenset("abc"), {(1, 2), (1, "x")}, {frozenset([1]), frozenset([1, 2])}]
    yield "dicts", {"a": 1, 2: [3], (4, 5): {"b": None}, None: 0, 1.5: b"", True: 2}
    for size in (999, 1000, 1001, 2500):
        yield f"list of {size}", list(range(size))
        yield f"dict of {size}", {str(i): i for i in range(size)}
        yield f"set of {size}", set(range(size))
        yield f"frozenset of {size}", frozenset(map(str, range(size)))
    yield "many keys", {i * 1024: None for i in range(5000)}
    yield "floats as keys", {i / 8: None for i in range(1000)}
    yield "tuples as keys", {(i % 50, str(i), -i): None for i in range(3000)}
    yield "many memo entries", [[str(i)] for i in range(400)] * 2
    same = ["shared"]
    yield "shared", [same, same, (same,), {"k": same}, same * 3]
    pair = (same, "x")
    yield "shared tuple", [pair, pair, [pair]]
    text = "some text"
    yield "shared text", {text: text, "list": [text, text]}
    yield "400 lists", nested(400, lambda x: [x])
    yield "400 tuples", nested(400, lambda x: (x, 1))
    yield "400 dicts", nested(400, lambda x: {"k": x})
    yield "400 instances", nested(400, lambda x: Plain(next=x))
    yield "300 of each", nested(100, lambda x: ([{"k": x}], 0))
    yield "instances", [Plain(a=1, b=[2]), Plain(), Plain.Inner(), State(5), State(None), Keywords(size=3)]
    slotted = Slots()
    slotted.a = 1
    yield "slots", slotted
    slotted = Slots()
    slotted.b, slotted.c = 2, 3
    yield "slots and attributes", slotted
    yield "subclasses", [ListOf([1, 2]), DictOf(a=1), SetOf([1]), FrozenOf([2]), TupleOf((3,)), IntOf(4), StrOf("5"), BytesOf(b"6")]
    big = ListOf(range(1500))
    big.name = "big"
    yield "large subclass of list", big
    big = DictOf((i, str(i)) for i in range(1500))
    big.name = "big"
    yield "large subclass of dict", big
    yield "calls", [Caller(), Caller(1, 2, 3, 4), Caller(Caller(), [Caller])]
    setter = WithSetter()
    setter.a, setter.me = 1, setter
    yield "setter", [setter, setter]
    yield "enums", [Color.RED, Color.BLUE, Color.RED, Flags.A | Flags.B, Small.ONE, {Color.RED: 1}]
    yield "namedtuples", [Point(1, 2), Point([1], Point(2, 3))]
    yield "dataclasses", [Job("a", [1, 2]), Job("b", [], Job("c", [3])), {Key(1, "x"): Key(2, "y")}]
    problem = Problem(3, "it failed")
    yield "exceptions", [ValueError("a", 1), KeyError(), OSError(2, "no", "file"), problem, StopIteration(5)]
    problem.extra = problem
    yield "exception with attributes", problem
    yield "globals", [len, dict, Plain, Plain.Inner, ValueError, math.sqrt, collections.OrderedDict, set_attributes, type(None), ...]
    yield "methods", [Plain(a=1).method, Plain.method, [].append, dict.fromkeys, "x".join]
    yield "partials", functools.partial(set_attributes, 1, state=2)
    yield "collections", [
        collections.OrderedDict([("a", 1), ("b", [])]), collections.defaultdict(list, a=[1]), collections.Counter("abca"),
        collections.deque([1, 2], 5), collections.ChainMap({"a": 1}),
    ]
    day = datetime.datetime(2020, 2, 29, 1, 2, 3, 4, datetime.timezone.utc)
    yield "times", [day, day.date(), day.time(), datetime.timedelta(3, 4, 5), datetime.timezone(datetime.timedelta(hours=2)), {day: 1}]
    yield "numbers", [decimal.Decimal("1.50"), decimal.Decimal("NaN"), fractions.Fraction(3, 4), uuid.UUID(int=5)]
    yield "others", [
        range(1, 10, 2), slice(1, None, 2), array.array("d", [1, 2]), re.compile("a+"), pathlib.PurePosixPath("/a/b"),
        types.SimpleNamespace(a=1), memoryview, NotImplemented,
    ]
    yield from arrays()
    yield from cycles()
    yield from random_values()


def arrays():
    try:
        import numpy
    except ImportError:
        return
    yield "numpy", [
        numpy.arange(5), numpy.zeros((2, 3), "f4", "F"), numpy.array("text"), numpy.float32(2.5), numpy.dtype("i8"),
        numpy.array([(1, 2.5)], [("a", "i4"), ("b", "f8")]), numpy.array(["a", None, 3], object), numpy.arange(20000.0),
        numpy.array([numpy.nan]), numpy.datetime64("2020-01-01"), numpy.arange(10)[::2],
    ]


def random_values():
    rng = random.Random(18)
    for i in range(60):
        pool = []
        yield f"random {i}", random_value(rng, 5, pool)


def random_value(rng, depth, pool):
    if pool and rng.random() < 0.15:
        return rng.choice(pool)
    kind = rng.randrange(12 if depth else 6)
    size = rng.choice((0, 1, 1, 2, 3, 4, 6))
    if kind < 6:
        return (None, rng.random() < 0.5, rng.randrange(-(2**70), 2**70) >> rng.randrange(70), rng.gauss(0, 1e9),
                "".join(rng.choice("aé€😀") for _ in range(size)), bytes(rng.randrange(256) for _ in range(size)))[kind]
    if kind == 6:
        made = Plain()
        pool.append(made)
        for i in range(size):
            setattr(made, f"a{i}", random_value(rng, depth - 1, pool))
    elif kind == 7:
        made = {}
        pool.append(made)
        for _ in range(size):
            made[random_key(rng, pool)] = random_value(rng, depth - 1, pool)
    elif kind == 8:
        made = {random_key(rng, pool) for _ in range(size)}
        pool.append(made)
    elif kind == 9:
        made = tuple(random_value(rng, depth - 1, pool) for _ in range(size))
        pool.append(made)
    else:
        made = []
        pool.append(made)
        for _ in range(size):
            made.append(random_value(rng, depth - 1, pool))
    return made


def random_key(rng, pool):
    keys = [x for x in pool if type(x) is Plain]
    if keys and rng.random() < 0.2:
        return rng.choice(keys)
    return rng.choice((rng.randrange(-3, 20), rng.random(), "k%d" % rng.randrange(9), (rng.randrange(5), "t"), frozenset([rng.randrange(4)])))


def pickles():
    """Yield the name and the pickle of each value, by each pickler at each protocol."""
    for name, value in values():
        written = set()
        for protocol in (2, 3, 4, 5):
            for kind, dump in (("C", in_c), ("pure", in_python), ("optimized", optimized)):
                try:
                    data = dump(value, protocol)
                except (pickle.PicklingError, TypeError, RecursionError, AttributeError):
                    continue  # not every version pickles all of them at every protocol
                if data[2:] not in written:  # the protocol's number apart
                    written.add(data[2:])
                    yield f"{name}, {kind}, protocol {protocol}".encode(), data


def in_c(value, protocol):
    return pickle.dumps(value, protocol)


def in_python(value, protocol):
    out = io.BytesIO()
    pickle._Pickler(out, protocol).dump(value)
    return out.getvalue()


def optimized(value, protocol):
    return pickletools.optimize(pickle.dumps(value, protocol))


def hashes():
    """Return literals and their hashes, a line each."""
    rng = random.Random(1)
    some = [0, 1, -1, -2, True, 2**61 - 1, 2**61, -(2**61) + 1, 2**200, -(2**200) - 5, 0.0, -0.0, 1.0, 0.5, -0.1, 1e300, 5e-324, -2.5e-310]
    some += [rng.randrange(-(2**90), 2**90) >> rng.randrange(90) for _ in range(50)]
    some += [rng.gauss(0, 10 ** rng.randrange(-300, 300)) for _ in range(50)]
    some += [1j, 1.5 - 2j, complex(-1.0, -1.0), complex(0, 1e300)]
    atoms = list(some)
    some += [tuple(rng.choice(some) for _ in range(n)) for n in range(8) for _ in range(5)]
    some += [frozenset(rng.sample(atoms, n)) for n in range(12) for _ in range(3)]
    some += [(frozenset([1]), (2, (3.5,))), math.inf, -math.inf]
    return "\n".join(f"{in_c(x, 4).hex()} {hash(x) % 2**64}" for x in some if not same_hash_within(x))


def same_hash_within(x):
    return type(x) is frozenset and len(set(map(hash, x))) < len(x)
