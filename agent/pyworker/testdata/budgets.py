"""What comes to the limits of a budget."""

import asyncio
import threading
import time

import gopyrpc as rpc
from cases import raises

began, go_on = threading.Semaphore(0), threading.Event()


def spin():
    while True:
        pass


def rest():
    """Wait in C, which nothing ends."""
    time.sleep(1.2)
    return "rested"


async def wait():
    await asyncio.Event().wait()


def block():
    began.release()
    assert go_on.wait(60)


def give(n):
    return bytes(n)


def give_many(n):
    return [bytes(n)] * 2, bytearray(n)


async def give_later(n):
    return bytes(n)


def add(a, b):
    return a + b


def beyond(text, function, *args):
    exc = raises(rpc.RpcError, function, *args)
    assert exc.code == "ResourceExhausted" and text in str(exc), (exc.code, str(exc))


def check_call_time():
    text = "Python has run for this call of worker w0 for 1s, which is all that it may"
    for function in (spin, wait):
        beyond(text, rpc.rpc_sync, "w1", function)
    try:
        assert rpc.rpc_sync("w1", rest) == "rested"  # and so it was too late
    except rpc.RpcError as exc:
        assert text in str(exc), exc
    beyond(text, rpc.remote("w1", spin).to_here)
    beyond(text, rpc.rpc_async("w1", spin).wait)
    assert rpc.rpc_sync("w1", add, (1, 2)) == 3
    assert rpc.rpc_sync("w0", rest) == "rested"  # nobody bounds what a worker asks of itself


def check_minute_time():
    assert rpc.rpc_sync("w1", add, (1, 2)) == 3
    beyond("Python has run for worker w0 for", rpc.rpc_sync, "w1", spin)
    beyond("it may call again in", rpc.rpc_sync, "w1", add, (1, 2))
    beyond("it may call again in", rpc.remote("w1", add, (1, 2)).to_here)


def check_results(name="w0"):
    assert len(rpc.rpc_sync("w1", give, (900,))) == 900
    text = f"bytes, allowed for worker {name} are 1000 (Config.Budget.Result, --max-result)"
    for function in (give, give_many, give_later):
        for size in (1000, 100_000):
            beyond(text, rpc.rpc_sync, "w1", function, (size,))
            beyond(text, rpc.remote("w1", function, (size,)).to_here)


def check_calls():
    go_on.clear()
    blocked = [rpc.rpc_async("w1", block) for _ in range(2)]
    assert all(began.acquire(timeout=60) for _ in blocked)
    beyond("2 calls of worker w0 are in progress, allowed are 2", rpc.rpc_sync, "w1", add, (1, 2))
    go_on.set()
    rpc.wait_all(blocked)
    assert rpc.rpc_sync("w1", add, (1, 2)) == 3
