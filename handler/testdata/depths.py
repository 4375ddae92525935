"""Recursion without end, each by another road. None may end the process."""

import copy
import functools
import json
import pickle
import re
import sys

LONG = 100_000
# 3.14 has no limit but the stack, on which more finds room; and repr takes long for it.
DEEP = LONG if sys.version_info < (3, 14) else 20_000


def raise_limit():
    import warnings

    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        sys.setrecursionlimit(10**6 if DEEP == LONG else DEEP)


def nested():
    value = []
    for _ in range(DEEP):
        value = [value]
    return value


def plain(n=0):
    return plain(n + 1)


def by_repr():
    class Nested(list):
        def __repr__(self):
            return list.__repr__([self, Nested([self])])

    repr(Nested())


def by_getattr():
    class Asking:
        def __getattr__(self, name):
            return getattr(self, "other")

    Asking().name


def by_map(value=0):
    return list(map(by_map, [value]))


def by_sorted(value=0):
    return sorted([value, value], key=by_sorted)


def by_sub(match=None):
    return re.sub("a", by_sub, "a")


def by_reduce(left=0, right=1):
    return functools.reduce(by_reduce, [left, right])


@functools.lru_cache(None)
def by_cache(n=0):
    return by_cache(n + 1)


def by_property():
    class Asking:
        @property
        def value(self):
            return Asking().value

    Asking().value


def by_new():
    class Endless:
        def __new__(cls):
            return type.__call__(cls)

    Endless()


def by_add():
    class Sum:
        def __add__(self, other):
            return sum([1], Sum())

        __radd__ = __add__

    Sum() + 1


def by_format():
    class Formatted:
        def __format__(self, spec):
            return "{}".format(Formatted())

    format(Formatted())


def by_generator():
    def endless(n):
        yield from endless(n + 1)

    list(endless(0))


def by_exec():
    namespace = {}
    exec("def again(): exec('again()')\nagain()", namespace)


def by_pickle():
    pickle.dumps(nested())


def by_reduce_of_pickle():
    pickle.dumps(Unfolding())


def by_unpickling():
    # Lists in lists are built on the unpickler's own stack, so they load; they are then freed.
    pickle.loads(b"]" * DEEP + b"a" * (DEEP - 1) + b".")


def by_tuples():
    return hash(pickle.loads(b"(" * 5000 + b"t" * 5000 + b"."))


def by_json():
    json.dumps(nested())


def by_json_text():
    json.loads("[" * DEEP)


def by_repr_of_lists():
    repr(nested())


def by_deepcopy():
    copy.deepcopy(nested())


def by_comparing():
    return nested() == nested()


def by_parentheses():
    compile("(" * DEEP + ")" * DEEP, "<deep>", "eval")


def by_minus():
    compile("-" * DEEP + "1", "<deep>", "eval")


def by_attributes():
    compile("a" + ".a" * DEEP, "<deep>", "eval")


def by_literals():
    import ast

    ast.literal_eval("[" * 5000 + "]" * 5000)


def by_isinstance():
    class Meta(type):
        def __instancecheck__(cls, value):
            return isinstance(value, (cls,))

    class Checked(metaclass=Meta):
        pass

    isinstance(1, Checked)


class Unfolding:
    def __reduce__(self):
        return list, ([Unfolding()],)


class Chained:
    """Freed by recursion, were there no trashcan."""

    def __init__(self, following):
        self.following = following

    def __del__(self):
        pass


def by_freeing():
    chain = None
    for _ in range(LONG):
        chain = Chained(chain)
    del chain
    value = ()
    for _ in range(LONG):
        value = (value, {"k": [value]})
    return "freed"


def by_causes():
    error = None
    for n in range(LONG):
        following = ValueError(n)
        following.__cause__ = error
        error = following
    raise error


def by_contexts():
    error = None
    for n in range(LONG):
        following = ValueError(n)
        following.__context__ = error
        error = following
    raise error


def by_groups():
    if sys.version_info < (3, 11):
        return "no groups"
    group = ExceptionGroup("inner", [ValueError(1)])
    for n in range(LONG):
        group = ExceptionGroup("outer", [group])
    raise group


def by_raising(n=0):
    """One frame and one context for each level. To add one takes Python as long as there are others."""
    try:
        if n == 5000:
            raise ValueError("deep enough")
        by_raising(n + 1)
    except (RecursionError, ValueError):
        raise ValueError(n)


def by_str_of_exception():
    class Talking(Exception):
        def __str__(self):
            return str(Talking())

        __repr__ = __str__

    raise Talking()


def by_args_of_exception():
    raise ValueError(nested())


def returned():
    return nested()


def by_result():
    return Unfolding()
