"""Classes as a restricted peer's list has them."""

import collections
import dataclasses
import enum
import io
import os
import pickle
import sys
import types
import weakref
from functools import partial

ran = []


def add(a, b):
    return a + b


class Plain:
    pass


class Point:
    loads = staticmethod(pickle.loads)
    borrowed = os.getpid
    partial = partial(os.getpid)

    def __init__(self, x, y):
        self.x, self.y = x, y

    def total(self):
        return self.x + self.y

    def __call__(self):
        return "called"

    @property
    def prop(self):
        return os.getpid

    @classmethod
    def origin(cls):
        return cls(0, 0)


class Kept:
    one = None

    def __new__(cls):
        if Kept.one is None:
            Kept.one = object.__new__(cls)
        return Kept.one


class Registered:
    every = []

    def __new__(cls):
        made = object.__new__(cls)
        cls.every.append(made)
        return made


class Weak:
    every = weakref.WeakSet()

    def __new__(cls):
        made = object.__new__(cls)
        cls.every.add(made)
        return made


def give_kept():
    return Kept()


class Other:
    def __new__(cls):
        return Plain()


class Coded:
    def __new__(cls, *args, **kwargs):
        ran.append(args)
        return object.__new__(cls)

    def __init__(self, *args):
        ran.append(args)


class CodedList(list):
    def __new__(cls, *args):
        ran.append(args)
        return list.__new__(cls)


Pair = collections.namedtuple("Pair", "left right")


class Named(Pair):
    pass


class MyInt(int):
    def __new__(cls, *args):
        ran.append(args)
        return int.__new__(cls, *args)


class MyList(list):
    pass


class Loud(list):
    def extend(self, items):
        list.extend(self, ["loud", *items])


class MyDict(dict):
    pass


class MyOrdered(collections.OrderedDict):
    pass


class MySet(set):
    pass


class Colour(enum.Enum):
    RED = 1
    LIST = [2]

    @classmethod
    def _missing_(cls, value):
        ran.append(value)


class Bits(enum.Flag):
    R = 1
    W = 2


class Failure(Exception):
    def __init__(self, code):
        ran.append(code)
        super().__init__(code)
        self.code = code


class File(io.FileIO):
    pass


class Slots:
    __slots__ = ("a", "b")

    def method(self):
        pass

    @property
    def prop(self):
        pass

    @prop.setter
    def prop(self, value):
        ran.append(value)


class SlotsAndDict(Slots):
    pass


class Stateful:
    def __setstate__(self, state):
        (self.x,) = state


class Inherits(Stateful):
    pass


class Borrowed:
    __setstate__ = print


NAMES = "Plain Point Coded CodedList Pair MyInt Loud Colour Bits Failure File Stateful Inherits FrozenSlots".split()

if sys.version_info >= (3, 10):

    @dataclasses.dataclass(frozen=True, slots=True)
    class FrozenSlots:
        a: int
