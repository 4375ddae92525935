"""What test_pickling_by_class lets a restricted worker call, and what it gives."""

import collections
import datetime
import decimal
import enum
import fractions
import functools
import math
import re
import uuid

from gopyrpc._rpc import client

kept = ()


def give():
    return kept[0] if len(kept) == 1 else kept


def give_up():
    raise ValueError(*kept)


def send_on():
    """What a function does that passes on to another worker what it was given."""
    try:
        client.pack(None, "w2", kept)
    except Exception as exc:
        return str(exc)


class Plain:
    pass


class Slotted:
    __slots__ = ("a", "__dict__")


class Mapping(dict):
    pass


class Registered:
    pass


class Color(enum.Enum):
    RED = 1


class Reducing:
    def __init__(self, value):
        self.value = value

    def __reduce__(self):
        return Reducing, (self.value,)


class Sentinel:
    """Pickles by name, which is an attribute of the instance."""

    def __init__(self, name):
        self.name = name

    def __reduce__(self):
        return self.name


SENTINEL = Sentinel("SENTINEL")
LooksLikeOne = collections.namedtuple("LooksLikeOne", ("func", "args", "kwargs"))


class Outer:
    class Inner:
        pass

    def method(self):
        pass

    @staticmethod
    def static():
        pass

    @classmethod
    def of_class(cls):
        pass


def values():
    """Values of many classes, which C's pickler and ours are to pickle alike."""
    failure = ValueError("a", 1)
    failure.note = Plain
    shared = [1, 2]
    return [
        None, True, 7, 2.5, 1j, "text", b"bytes", bytearray(b"mutable"), [shared, shared], (1,), {"a": {1, 2}},
        frozenset([1]), slice(1, 2), range(3), datetime.datetime(2020, 1, 2), datetime.timedelta(1), decimal.Decimal("1.5"),
        fractions.Fraction(1, 3), uuid.UUID(int=7), collections.Counter("aab"), collections.OrderedDict(a=1),
        collections.defaultdict(list, {1: [2]}), collections.deque([1], 3), Color.RED, Plain(), Reducing(3), Mapping(a=1),
        ValueError("a"), failure, KeyError(), OSError(2, "x", "file"), re.compile("a+"), re.IGNORECASE,
        functools.partial(int, "2", base=3), math.hypot, len, [].append, Outer().method.__func__, datetime.date.today, int, type(None), Ellipsis,
        LooksLikeOne(1, 2, 3),
    ]  # fmt: skip
