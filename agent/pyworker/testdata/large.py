"""Large values: their memory is shared, lent and used again, and none of that may show."""

import sys
from contextvars import ContextVar

import gopyrpc as rpc

SIZE = 200_000
kept = []
reader = ContextVar("reader", default=None)


def echo(value, _=None):
    return value


def keep(_):
    """Keep a view of the message's own memory, which some frame below has."""
    frame = sys._getframe()
    while frame:
        for value in list(frame.f_locals.values()):
            if type(value) is memoryview:
                kept.append(value[:])
                return True
        frame = frame.f_back
    return False


def values(to):
    """Send many at a time, each of which must come back as it is."""
    for size in (10, SIZE, 3 * SIZE):
        sent = [bytes([i]) * size for i in range(20)]
        futures = [rpc.rpc_async(to, echo, args=(value,)) for value in sent]
        assert [future.wait() for future in futures] == sent
        assert rpc.rpc_sync(to, echo, args=(sent,)) == sent
        assert rpc.remote(to, echo, args=(sent[1],)).to_here() == sent[1]


def what_is_kept_stays(to):
    assert rpc.rpc_sync(to, keep, args=(b"k" * SIZE,)), "the memory was not found"
    before = bytes(kept[-1])
    assert b"k" * SIZE in before
    for i in range(20):
        rpc.rpc_sync(to, echo, args=(bytes([i]) * SIZE,))
    assert bytes(kept[-1]) == before


def what_is_kept_of_a_reply_stays(to):
    assert rpc.rpc_sync(to, Arrives, args=("keep", SIZE)), "the memory was not found"
    before = bytes(kept[-1])
    assert b"a" * SIZE in before
    for i in range(20):
        rpc.rpc_sync(to, echo, args=(bytes([i]) * SIZE,))
    assert bytes(kept[-1]) == before


class Arrives:
    """Calls a function of this module with its padding where it is unpickled, and is what that returns."""

    def __init__(self, function, size):
        self.function = function
        self.padding = b"a" * size

    def __reduce__(self):
        return globals()[self.function], (self.padding,)


def who_reads(padding):
    return reader.get(), len(padding)


def refuse(padding):
    raise LookupError("not on arrival")


def replies_are_read_by_their_callers(to):
    reader.set("caller")
    for size in (10, SIZE):
        assert rpc.rpc_sync(to, Arrives, args=("who_reads", size)) == ("caller", size)
        for _ in range(5):
            try:
                rpc.rpc_sync(to, Arrives, args=("refuse", size))
            except Exception as exc:
                assert "not on arrival" in str(exc), exc
            else:
                raise AssertionError("nothing was raised")


def echoes(to):
    for _ in range(4):
        assert rpc.rpc_sync(to, echo, args=(b"e" * SIZE,)) == b"e" * SIZE


def fails(value):
    raise LookupError(len(value))


def never_ends(value):
    while value:
        pass


def cannot_be_read(_):
    return Arrives("refuse", SIZE)


def what_fails(to):
    """Fail in all ways, more often than there is memory for."""
    value = b"v" * SIZE
    for _ in range(12):
        for function, timeout in ((fails, 60), (never_ends, 0.05), (cannot_be_read, 60)):
            for call in (rpc.rpc_sync, lambda *args, **kwargs: rpc.rpc_async(*args, **kwargs).wait()):
                try:
                    call(to, function, args=(value,), timeout=timeout)
                except Exception:
                    continue
                raise AssertionError(f"{function} did not fail")


def parts(to):
    """What has large objects of bytes in it travels in parts, wherever they are."""
    large = bytes(range(256)) * 400
    text = "\u00e4" * SIZE
    for value in (
        large, [large, 1, large], (large, text), {"a": large, "b": bytearray(large)}, bytearray(large), text,
        [[large] for _ in range(3)], [[large[i:]] for i in range(50)], list(range(SIZE)), Nothing(large),
    ):
        assert rpc.rpc_sync(to, echo, args=(value,)) == value, type(value)
        assert rpc.rpc_async(to, echo, args=(1,), kwargs={"_": value}).wait() == 1
        assert rpc.remote(to, echo, args=(value,)).to_here() == value


class Nothing:
    """Has to be pickled by a Pickler of ours, where torch is there."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return self.value == other.value
