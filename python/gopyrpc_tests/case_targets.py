"""What the callee of the numbered cases does. Imported by both sides, as UDFs are."""

import sys

from . import targets


def throw(exc):
    raise exc


def construct(cls, *args, **kwargs):
    """Raise what plain pickle could not bring here: its constructor wants more."""
    raise cls(*args, **kwargs)


def echo(value):
    return value


def raise_chain():
    try:
        try:
            raise KeyError("deep")
        except KeyError as exc:
            raise targets.TwoArgs(4, "middle") from exc
    except targets.TwoArgs as exc:
        raise ValueError("top") from exc


def raise_context():
    try:
        raise KeyError("first")
    except KeyError:
        raise ValueError("second")


def raise_unless_open():
    return open("/no/such/file")


def decode_bad():
    return b"\xff".decode()


def raise_local():
    class Local(KeyError):
        pass

    raise Local("local")


def raise_group():
    raise ExceptionGroup("group", [ValueError(1), ExceptionGroup("in", [targets.TwoArgs(1, "x")])])


def path_in_source():
    path = r"C:\users\x"  # as a source line of the traceback, fatal to torch's decoding
    raise KeyError(path and "fine"); r"C:\users"


def with_stderr(stream_state):
    """Raise with sys.stderr closed or None."""
    kept = sys.stderr
    stream = open("/dev/null", "w") if stream_state == "closed" else None
    if stream is not None:
        stream.close()
    sys.stderr = stream
    try:
        raise KeyError("k")
    finally:
        if stream_state == "restored":
            sys.stderr = kept


def make(name):
    return getattr(targets, name)("made")


def make_point():
    return targets.Point(1, 2)


class CtorRaises(Exception):
    def __init__(self, text, armed=True):
        super().__init__(text, armed)
        if armed and CtorRaises.armed:
            raise ZeroDivisionError("ctor boom")

    armed = False


class Defaults(Exception):
    def __init__(self, text, extra="default"):
        super().__init__(text)
        self.extra = extra


class OddModule:
    pass


def make_odd(module):
    OddModule.__module__ = module
    return OddModule()
