"""Values that a restricted peer may send, and classes that a list has."""

import collections
import dataclasses
import datetime
import decimal
import enum
import math
import os
import pickle
import uuid


class Colour(enum.Enum):
    RED = 1
    GREEN = (2, "x")


class Bits(enum.Flag):
    R = 1
    W = 2
    X = 4


class Number(enum.IntEnum):
    ONE = 1


class Plain:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None

    def twice(self):
        return 2 * self.x

    def __call__(self):
        return "called"

    @classmethod
    def made(cls, x):
        return cls(x)

    @staticmethod
    def one():
        return 1

    borrowed = os.getpid
    loads = staticmethod(pickle.loads)


class Slots:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a, self.b = a, b

    def __eq__(self, other):
        return type(other) is type(self) and (self.a, self.b) == (other.a, other.b)


class SlotsAndDict(Slots):
    pass


class Stateful:
    def __init__(self, x):
        self.x = x

    def __getstate__(self):
        return [self.x]

    def __setstate__(self, state):
        (self.x,) = state

    def __eq__(self, other):
        return type(other) is type(self) and self.x == other.x


class Inherits(Stateful):
    pass


class Keyed:
    def __new__(cls, *, key):
        self = object.__new__(cls)
        self.key = key
        return self

    def __getnewargs_ex__(self):
        return (), {"key": self.key}

    def __eq__(self, other):
        return type(other) is Keyed and self.key == other.key


class Kept:
    """There is one, which everybody gets."""

    one = None
    secret = "unchanged"

    def __new__(cls):
        if cls.one is None:
            cls.one = object.__new__(cls)
        return cls.one


class MyList(list):
    pass


class MyDict(dict):
    pass


class MySet(set):
    pass


class Loud(list):
    """Says what is added to it."""

    def extend(self, items):
        list.extend(self, ["loud", *items])


class MyInt(int):
    pass


class Failure(ValueError):
    def __init__(self, code, *, hint="none"):
        super().__init__(code)
        self.hint = hint


Pair = collections.namedtuple("Pair", "left right")


@dataclasses.dataclass
class Data:
    a: int
    b: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: int


class Reduced:
    """Pickled as a call of its class, and a state."""

    def __init__(self, x):
        self.x = x

    def __reduce__(self):
        return Reduced, (self.x,), {"more": 1}

    def __eq__(self, other):
        return type(other) is Reduced and vars(self) == vars(other)


def make(x):
    return Plain(x)


live = Plain("live")


def give_live():
    return live


def shared():
    part = [1]
    return [part, part, {"x": part}]


def cyclic():
    part = []
    part.append(part)
    return part


def cyclic_instance():
    obj = Plain(None)
    obj.x = [obj]
    return obj


def same(a, b):
    """Tell whether two values are the same, types and all."""
    if type(a) is not type(b):
        return False
    if type(a) is object:
        return True
    if isinstance(a, float) and math.isnan(a):
        return math.isnan(b)
    if isinstance(a, BaseException):
        return same(a.args, b.args) and same(vars(a), vars(b))
    if hasattr(a, "tobytes") and hasattr(a, "dtype"):  # numpy's own reader makes the order of bytes the machine's
        if a.dtype.byteorder != b.dtype.byteorder:
            a = a.astype(b.dtype)
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes() and a.flags.f_contiguous == b.flags.f_contiguous
    if isinstance(a, (list, tuple, collections.deque)):
        return len(a) == len(b) and all(map(same, a, b)) and vars(a) == vars(b) if hasattr(a, "__dict__") else len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(map(same, a.values(), b.values()))
    if isinstance(a, decimal.Decimal):
        return str(a) == str(b)
    return a == b


def round_trip(value, protocol):
    return pickle.dumps(value, protocol)


utc = datetime.timezone.utc
