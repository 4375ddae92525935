"""What the Go tests call by name, as a user's module would have it."""

import builtins
import contextvars
import os
import sys

ran = []  # what has been called, for tests that want nothing to be called
setting = contextvars.ContextVar("setting", default="unset")
shell = os.system  # an alias, which an allow-list's entry for this module does not cover


class Counter:
    def __init__(self, start):
        self.value = start

    def add(self, n, *, times=1):
        self.value += n * times
        return self.value


class Refused(LookupError):
    """Cannot be made of its text alone, as torch would."""

    def __init__(self, code, *, hint):
        super().__init__(code, hint)
        self.code, self.hint = code, hint

    def __str__(self):
        return f"refused with {self.code}: {self.hint}"


class Unloadable:
    """Its pickle names a class that nobody has."""

    def __reduce__(self):
        return _Missing, ()


class _Missing:
    pass


_Missing.__qualname__ = "NotThere"


class Bomb:
    """Calls *function* when it is unpickled."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def greet(name, *, greeting="Hello"):
    return f"{greeting}, {name}"


def echo(value=None):
    return value


def record(value):
    ran.append(value)
    return value


def refuse(code):
    raise Refused(code, hint="ask again")


def chain():
    try:
        refuse(7)
    except Refused as exc:
        raise ValueError("outer") from exc


def raise_(exc):
    raise exc


def leave(code=3):
    sys.exit(code)


def interrupt():
    raise KeyboardInterrupt("stop")


def generator():
    return (n for n in ())


def swap_setting(value):
    before = setting.get()
    setting.set(value)
    return before


def call(function, *args):
    return function(*args)


def clear_modules():
    sys.modules.clear()
    return "cleared"


def close_streams():
    sys.stdout.close()
    sys.stderr.close()
    print("into nowhere")


def break_import():
    builtins.__import__ = None
    return "broken"


def delete_builtins():
    for name in ("len", "isinstance", "type", "getattr", "Exception"):
        delattr(builtins, name)


def own_package():
    import gopyrpc
    import gopyrpc.internal

    return gopyrpc.__spec__.origin, gopyrpc.internal.PythonUDF is gopyrpc.PythonUDF


def bad_call_inside_package():
    import gopyrpc._restricted.allow_list

    return gopyrpc._restricted.allow_list.AllowList("one string")


def recurse(depth=0):
    return recurse(depth + 1)


def getter(name):
    return lambda: name


def unloadable():
    return Unloadable()


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


hook = None  # a test's Go function


def call_hook():
    return hook()


def hook_and_spin():
    hook()
    while True:
        pass


def is_imported(name):
    return name in sys.modules


_weak = []


def weakly(tensor):
    """Returns something unpicklable beside a tensor of its own, to see whether that dies."""
    import weakref

    mine = tensor + 1
    _weak.append(weakref.ref(mine))
    return [mine, lambda: None]


def alive():
    import gc

    gc.collect()
    return sum(ref() is not None for ref in _weak)


def fill(size):
    return b"x" * size


def call_with_tensor(size):
    """Return a PythonUDF whose argument is a tensor of so many bytes."""
    import torch
    from gopyrpc.internal import PythonUDF

    return PythonUDF(echo, (torch.ones(size, dtype=torch.uint8),), {})
