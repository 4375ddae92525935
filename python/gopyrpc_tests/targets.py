"""Functions and classes that the tests send by name."""

import contextvars
import enum
import functools
import operator
import os  # merely imported: must not be reachable through this module
import sys

shout = os.system  # an alias of something dangerous
run_shell = functools.partial(os.system)
fetch_eval = operator.attrgetter("eval")
context = contextvars.ContextVar("context", default="unset")
calls = []


def add(a, b=0):
    return a + b


def echo(value):
    return value


def record(value):
    calls.append(value)
    return value


def set_context(value):
    previous = context.get()
    context.set(value)
    return previous


def exit_now(code=3):
    sys.exit(code)


def interrupt():
    raise KeyboardInterrupt("kbi")


def close_generator():
    raise GeneratorExit("gen")


def make_unpicklable():
    return lambda: None


def recurse():
    return recurse()


class Colour(enum.Enum):
    RED = 1


class Permissions(enum.Flag):
    R = 1
    W = 2


class OwnBase(BaseException):
    pass


class OneArg(Exception):
    pass


class TwoArgs(Exception):
    def __init__(self, code, msg):
        super().__init__(f"{code}: {msg}")
        self.code = code


class KeywordOnly(Exception):
    def __init__(self, *, code):
        super().__init__("kw")
        self.code = code


class CountsInits(Exception):
    inits = 0

    def __init__(self, *args):
        type(self).inits += 1
        super().__init__(*args)


class BadRepr(Exception):
    def __repr__(self):
        raise ValueError("repr fails")


class BadStr(Exception):
    def __str__(self):
        raise ValueError("str fails")


class StrExits(Exception):
    def __str__(self):
        sys.exit(9)

    __repr__ = __str__


class StrReturnsInt(Exception):
    def __str__(self):
        return 5

    __repr__ = __str__


class HostileAttributes(Exception):
    """Overrides all that a careless reader would ask it for."""

    def __getattribute__(self, name):
        raise SystemExit(name)

    def __reduce_ex__(self, protocol):
        raise SystemExit("reduce")


class HidesItsModule(Exception):
    pass


HidesItsModule.__module__ = 5


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def total(self):
        return self.x + self.y

    @classmethod
    def origin(cls):
        return cls(0, 0)

    @staticmethod
    def unit():
        return 1

    escape = os.system
    borrowed = operator.add

    def __eq__(self, other):
        return isinstance(other, Point) and vars(self) == vars(other)


class Nested:
    class Inner(Exception):
        pass

    gate = os


class RaisesOnLoad:
    """Raises an exception of the class it is given when it is unpickled."""

    def __init__(self, exception):
        self.exception = exception

    def __setstate__(self, state):
        raise state["exception"]


class RaisesOnDump:
    def __init__(self, exception):
        self.exception = exception

    def __reduce__(self):
        raise self.exception
