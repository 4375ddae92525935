"""Exceptions whose text depends on what does not travel."""

import threading
from dataclasses import dataclass


class Locked(Exception):
    """Its text needs a lock, as that of grpcio's RpcErrors does."""

    def __init__(self, msg):
        super().__init__()
        self.lock, self.msg = threading.Lock(), msg

    def __str__(self):
        with self.lock:
            return self.msg


class LockedRepr(Exception):
    def __init__(self, msg):
        super().__init__(msg)
        self.lock = threading.Lock()

    def __repr__(self):
        with self.lock:
            return "LockedRepr"


class Unlocked(Exception):
    """It has a lock, and no text that needs it."""

    def __init__(self, msg):
        super().__init__(msg)
        self.lock = threading.Lock()


class OfItsCause(Exception):
    def __str__(self):
        return f"{self.args[0]} by {self.__cause__.msg}"


class Picky(Exception):
    """Its text fails beside a cause that is a RemoteError, which shows only once that is one."""

    def __str__(self):
        if type(self.__cause__).__name__ == "RemoteError":
            raise TypeError("not by that")
        return self.args[0]


class Pool:
    """What urllib3's are like: their pickle leaves out where they go."""

    def __init__(self, host=None):
        self.host = host

    def __reduce__(self):
        return Pool, ()

    def __str__(self):
        return f"pool of {self.host}"


class ShowsState(Exception):
    state = None

    def __str__(self):
        return f"{self.args[0]}: {self.state}"


@dataclass
class Pair:
    left: object
    right: object


def make():
    return "made"


class Made:
    def __reduce__(self):
        return make, ()


class Unsteady(Exception):
    """What its text does depends on the side that asks."""

    here = None

    def __str__(self):
        if Unsteady.here is None:
            return "there"
        if isinstance(Unsteady.here, BaseException):
            raise Unsteady.here
        return Unsteady.here


class BadEq(str):
    def __eq__(self, other):
        raise SystemExit(3)

    __hash__ = None


class Mixed(ValueError, OSError):
    """ValueError comes first in its MRO, and OSError's fields are in its memory."""


class MixedKey(KeyError, ConnectionError):
    pass


class MixedImport(LookupError, ImportError):
    def __init__(self, msg, **names):
        ImportError.__init__(self, msg, **names)


class MixedSyntax(ValueError, SyntaxError):
    pass


class SetsFields(ValueError, OSError):
    def __init__(self, path):
        OSError.__init__(self, 2, "gone", path)


class ForgetsFields(OSError):
    """It does not call OSError's constructor, so it has no errno."""

    def __init__(self, code, msg):
        self.code, self.msg = code, msg


def raise_of_cause():
    try:
        raise Locked("its lock")
    except Locked as exc:
        raise OfItsCause("taken") from exc
