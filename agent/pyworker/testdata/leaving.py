"""Coroutines whose caller leaves."""

import asyncio
import threading
import time

import gopyrpc as rpc
from gopyrpc._rpc import hosts

begun = threading.Semaphore(0)
ended = threading.Semaphore(0)
seen = []


async def stays():
    try:
        begun.release()
        await asyncio.get_running_loop().create_future()
    except BaseException as exc:
        seen.append(type(exc))
        raise
    finally:
        ended.release()


async def waits_for_another():
    try:
        begun.release()
        await rpc.Future()
    finally:
        ended.release()


async def comes_late():
    import torch

    begun.release()
    try:
        await asyncio.get_running_loop().create_future()
    except asyncio.CancelledError:
        return torch.ones(3)


class NeverBegins:
    """What an awaitable that was cancelled before it began is left as."""

    closed = False

    def __await__(self):
        raise AssertionError("it began")
        yield

    def close(self):
        self.closed = True


def check_cancelled():
    assert ended.acquire(timeout=60), "the coroutine goes on"
    assert seen.pop() is asyncio.CancelledError


def check_ended():
    assert ended.acquire(timeout=60), "the coroutine goes on"


async def waits_in_silence():
    await asyncio.get_running_loop().create_future()


def check_no_task_is_left():
    from gopyrpc._rpc import coroutines

    assert not coroutines._tasks, coroutines._tasks


def check_cancelled_before_it_begins():
    from gopyrpc._rpc import coroutines

    held, goes_on = threading.Event(), threading.Event()
    loop = coroutines._running_loop()

    def hold():
        held.set()
        goes_on.wait(60)

    loop.call_soon_threadsafe(hold)
    assert held.wait(60)
    awaitable = NeverBegins()
    future = coroutines.prepare(awaitable)
    coroutines.begin(future)
    coroutines.cancel(future)
    goes_on.set()
    try:
        future.wait(60)
    except asyncio.CancelledError:
        pass
    else:
        raise AssertionError("the future has a value")
    assert awaitable.closed
    coroutines.cancel(future)  # which is over
    awaitable = NeverBegins()
    coroutines.cancel(coroutines.prepare(awaitable))
    assert awaitable.closed
    coroutines.cancel(rpc.Future())  # which is another's


async def value():
    begun.release()
    while not go_on.is_set():
        await asyncio.sleep(0.001)
    return "value"


go_on = threading.Event()


def remote_value():
    """The value of an RRef is made whoever waits for it."""
    rref = rpc.remote("w1", value)
    assert begun.acquire(timeout=60)
    try:
        rref.to_here(timeout=0.001)
    except RuntimeError:
        pass
    go_on.set()
    assert rref.to_here(timeout=0) == "value"


def stay_in_install():
    """Have the next agent be made known by a function that releases *begun* and ends when it is interrupted."""
    install = hosts.install

    def stays(host):
        hosts.install = install
        install(host)
        begun.release()
        while True:
            time.sleep(0.001)

    hosts.install = stays


def names_of_hosts():
    return [host.name for host in hosts._hosts]
