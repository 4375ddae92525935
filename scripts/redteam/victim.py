"""The module whose list entry is `victim`: what an attacker may call, and what the attacker must not reach from there."""

import enum
import functools
import json
import os
import pickle
import sys
from subprocess import run  # an alias, as listed modules have that import things


def echo(*args, **kwargs):
    """Return the last argument: that is how a payload gets into a result."""
    return args[-1] if args else None


def transfer(amount=0, to="bank"):
    return f"{amount} to {to}"


def text_of(value):
    return str(value)


class Account:
    limit = 100
    _loads = pickle.loads
    _run = staticmethod(run)

    def __init__(self, owner="nobody"):
        self.owner = owner

    def spend(self, amount):
        return "refused" if amount > self.limit else "ok"

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(os, name)

    @property
    def secret(self):
        return SECRET

    @classmethod
    def named(cls, owner):
        return cls(owner)


class Plain:
    pass


class Slotted:
    __slots__ = ("value",)


class Hashing:
    """A listed class with a hash of its own, which is the same for all instances."""

    def __hash__(self):
        return 1

    def __eq__(self, other):
        return self is other


class Recorder(list):
    """An instance that the module keeps, with methods that APPENDS calls."""


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Audited:
    """A decorator object: an instance under a function's name."""

    def __init__(self, fn):
        self.fn = fn
        functools.update_wrapper(self, fn)

    def __call__(self, *args):
        return self.fn(*args)


@Audited
def audited(amount=0):
    return f"audited {amount}"


SECRET = "SECRET" + "-of-the-house"
_settings = {"admin": False}
_live = ["first"]
_members = {"owner"}
_recorder = Recorder()
_kept = Plain()
_kept.level = 1
_slotted = Slotted()
_slotted.value = 1


class Shared:
    """A class whose instances all have the same attributes."""

    def __new__(cls):
        self = object.__new__(cls)
        self.__dict__ = _settings
        return self


class House:
    """A class that keeps an instance of itself, and an instance that can be called."""

    def __init__(self):
        self.secret = SECRET

    def __call__(self):
        return SECRET


House.first = House()


def settings():
    return _settings


def live():
    return _live


def members():
    return _members


def recorder():
    return _recorder


def kept():
    return _kept


def slotted():
    return _slotted


def environment():
    return os.environ


_arrays = []


def array():
    """Return an array that the module keeps."""
    if not _arrays:
        import numpy

        _arrays.append(numpy.zeros(2))
    return _arrays[0]


def _function(function):
    return (
        getattr(function, "__defaults__", None),
        getattr(function, "__kwdefaults__", None),
        getattr(function, "__module__", None),
        getattr(getattr(function, "__code__", None), "co_code", b"").hex(),
        sorted(getattr(function, "__dict__", {})),
    )


def _class(cls):
    # copyreg keeps the names of slots with each class that is pickled.
    attributes = [(name, id(value)) for name, value in sorted(vars(cls).items()) if name != "__slotnames__"]
    return attributes + [cls.__module__, cls.__qualname__]


def _all_of(module):
    """Describe what is defined in a module, so that any change shows."""
    found = {}
    for name, value in sorted(vars(module).items()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            found[name] = repr(_class(value))
        elif hasattr(value, "__code__"):
            found[name] = repr(_function(value))
    return found


def state():
    """Describe, by name, everything that no attacker may change."""
    import copyreg

    found = {
        "transfer.result": transfer(1),
        "Account.spend": Account().spend(1000),
        "audited.result": audited(1),
        "audited": repr(sorted(vars(audited))),
        "Color": repr([(m.name, m.value, sorted(vars(m))) for m in Color]),
        "settings": repr(_settings),
        "live": repr(_live),
        "members": repr(sorted(map(repr, _members))),
        "recorder": repr((_recorder, vars(_recorder))),
        "kept": repr((type(_kept).__name__, vars(_kept))),
        "slotted": repr(_slotted.value),
        "array": repr([a.tobytes() for a in _arrays]) if _arrays else repr([bytes(16)]),
        "secrets": repr(_secret_lives()),
        "environ": repr(sorted(os.environ)),
        "path": repr(sys.path),
        "limit": repr((sys.getrecursionlimit(), sys.getswitchinterval())),
        "hooks": repr((sys.excepthook, sys.displayhook, sys.gettrace(), sys.getprofile())),
        "copyreg": repr((sorted(map(repr, copyreg.dispatch_table)), copyreg._extension_registry)),
        "builtins": repr([(k, id(v)) for k, v in vars(sys.modules["builtins"]).items() if k != "_"]),
    }
    decimal = sys.modules.get("decimal")
    if decimal is not None:
        found["decimal"] = repr(decimal.getcontext().prec)
    torch = sys.modules.get("torch")
    if torch is not None:
        found["torch"] = repr((torch.is_grad_enabled(), torch.get_default_dtype(), id(torch.Tensor.__reduce_ex__)))
    for name, module in sorted(sys.modules.items()):
        if name == "victim" or name == "gopyrpc" or name.startswith("gopyrpc."):
            for what, text in _all_of(module).items():
                found[f"{name}:{what}"] = text
    return found


_secrets = []


def keep_secret():
    """Keep a value that has been given to no other worker."""
    import gopyrpc

    for _ in range(3):
        _secrets.append(gopyrpc.RRef(SECRET))


def secret_rref():
    """Give the caller an RRef to the value that is kept."""
    return _secrets[-1]


def drop_secret():
    _secrets.clear()


def open_rref(rref):
    return rref.to_here()


def _secret_lives():
    try:
        return [rref.local_value() == SECRET for rref in _secrets]
    except Exception as exc:
        return f"{type(exc).__name__}: {exc}"


_before = {}


def remember(watched):
    _before.clear()
    _before.update(state())
    _before["watched"] = [name for name in watched if name not in sys.modules]


def differences():
    """Return what has changed since `remember`, and which of the names were imported."""
    now = state()
    known = {key: text for key, text in _before.items() if key != "watched"}
    # A module of gopyrpc that was loaded meanwhile is no change by the attacker.
    values = [key for key in known if now.get(key) != known[key]]
    return json.dumps([values, [name for name in _before["watched"] if name in sys.modules]])


def tensors_of(source):
    """Return the tensors that come with an attack."""
    import torch

    return eval(source, {"torch": torch})


def load_file(data):
    """Read a pickle as C's unpickler reads a file."""
    import io

    return repr(type(pickle.Unpickler(io.BytesIO(data)).load()))


def find(module):
    """Raise ImportError unless there is such a module."""
    import importlib.util

    if importlib.util.find_spec(module) is None:
        raise ImportError(module)


class Fake:
    """An object that looks like an RRef."""

    def local_value(self):
        return os


def ask(worker, name):
    """Call a function of the attacker's."""
    import evil
    import gopyrpc

    return repr(gopyrpc.rpc_sync(worker, getattr(evil, name)))[:300]


def ask_kept(worker, name):
    """Call a function of the attacker's by way of an RRef."""
    import evil
    import gopyrpc

    return repr(gopyrpc.remote(worker, getattr(evil, name)).to_here())[:300]


def spin(seconds):
    """Compute, in Python, for the given seconds."""
    import time

    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return "spun"
