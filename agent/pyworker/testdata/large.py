"""Large values: their memory is shared, lent and used again, and none of that may show."""

import sys

import pyrpc as rpc

SIZE = 200_000
kept = []


def echo(value):
    return value


def keep(_):
    """Keep a view of the request's own memory, which some frame below has."""
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
