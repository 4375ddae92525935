"""Calls whose outcome comes later, and functions that are done later. Every test_* runs inside w0, of w0 to w3."""

import asyncio
import threading
import time

import gopyrpc as rpc
from cases import add, fail, raises


def test_rpc_async():
    futures = [rpc.rpc_async(f"w{i % 4}", add, args=(i, i)) for i in range(100)]
    assert [f.wait() for f in futures] == [2 * i for i in range(100)]
    assert all(f.done() for f in futures)
    assert futures[3].value() == 6
    assert rpc.wait_all(futures) == [2 * i for i in range(100)]
    assert rpc.collect_all(futures).wait() == futures
    exc = raises(KeyError, rpc.rpc_async("w1", fail, args=("y",)).wait)
    assert exc.args == ("y",)


def test_then():
    future = rpc.rpc_async("w1", add, args=(1, 2)).then(lambda f: f.wait() + 1)
    assert future.wait() == 4
    assert future.then(lambda f: f.value() * 2).wait() == 8
    exc = raises(RuntimeError, future.then(lambda f: 1 / 0).wait)
    assert str(exc) == "Got the following error when running the callback: ZeroDivisionError: division by zero"
    assert type(exc.__cause__) is ZeroDivisionError
    exc = raises(RuntimeError, rpc.rpc_async("w1", fail, args=("z",)).then(lambda f: f.wait()).wait)
    assert type(exc.__cause__) is KeyError


def test_callback_that_calls():
    chain = rpc.rpc_async("w1", add, args=(1, 2))
    for _ in range(5):
        chain = chain.then(lambda f: rpc.rpc_sync("w2", add, args=(f.wait(), 1)))
    assert chain.wait() == 8


def test_add_done_callback():
    seen = threading.Event()
    rpc.rpc_async("w1", add, args=(1, 2)).add_done_callback(lambda f: f.wait() == 3 and seen.set())
    assert seen.wait(60)


def held(seconds, value):
    time.sleep(seconds)
    return value


def test_wait_with_an_end():
    future = rpc.rpc_async("w1", held, args=(0.3, "late"))
    raises(TimeoutError, future.wait, 0.01)
    raises(TimeoutError, future.wait, 0.01)
    assert not future.done()
    assert rpc.rpc_sync("w1", add, args=(1, 2)) == 3  # its outcome is not what the other waits for
    assert future.wait() == "late"
    assert future.wait(0.01) == "late"


def test_many_wait_for_one():
    future = rpc.rpc_async("w1", held, args=(0.1, "one"))
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(future.wait())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["one"] * 8


def test_others_come_first():
    """Who waits for one outcome brings what comes for others meanwhile."""
    last = rpc.rpc_async("w1", held, args=(0.3, "last"))
    called = []
    others = [rpc.rpc_async(f"w{i % 4}", add, args=(i, 1)) for i in range(40)]
    chained = [other.then(lambda f: called.append(f.wait())) for other in others[:20]]
    assert last.wait() == "last"
    assert rpc.wait_all(others) == list(range(1, 41))
    rpc.wait_all(chained)
    assert sorted(called) == list(range(1, 21))


def test_wait_from_many_threads():
    def work(worker):
        for i in range(0, 200, 20):
            futures = [rpc.rpc_async((worker + n) % 4, add, args=(i, n)) for n in range(20)]
            for n, future in reversed(list(enumerate(futures))):
                assert future.wait() == i + n
        finished.append(worker)

    finished = []
    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(finished) == list(range(6))


def test_future_by_hand():
    future = rpc.Future()
    assert not future.done()
    raises(RuntimeError, future.value)
    raises(TimeoutError, future.wait, 0.01)
    threading.Timer(0.05, future.set_result, args=("later",)).start()
    assert future.wait() == "later"
    assert "only be marked completed once" in str(raises(RuntimeError, future.set_result, 2))
    failed = rpc.Future()
    failed.set_exception(ValueError("no"))
    raises(ValueError, failed.wait)
    raises(TypeError, rpc.Future().set_exception, "text")
    raises(TypeError, future.then, None)
    raises(rpc.SerializeError, rpc.rpc_sync, "w1", add, args=(future, 1))


def test_await():
    async def main():
        first = rpc.rpc_async("w1", add, args=(1, 2))
        assert await first == 3
        assert await first == 3
        values = await asyncio.gather(*(as_task(rpc.rpc_async(i % 4, add, args=(i, 1))) for i in range(20)))
        assert values == [i + 1 for i in range(20)]
        try:
            await rpc.rpc_async("w1", fail, args=("x",))
        except KeyError:
            return "done"

    async def as_task(future):
        return await future

    assert asyncio.run(main()) == "done"


def test_wait_all_block():
    with rpc._wait_all():
        futures = [rpc.rpc_async("w1", add, args=(i, i)) for i in range(5)]
    assert all(f.done() for f in futures)
    try:
        with rpc._wait_all():
            rpc.rpc_async("w1", fail, args=("in a block",))
    except KeyError as exc:
        assert exc.args == ("in a block",)
    else:
        raise AssertionError("nothing was raised")


# Functions that are done later


async def slow_add(a, b):
    await asyncio.sleep(0.01)
    return a + await rpc.rpc_async("w2", add, args=(b, 0))


async def slow_fail():
    await asyncio.sleep(0)
    raise KeyError("slow")


def test_coroutine_functions():
    assert rpc.rpc_sync("w1", slow_add, args=(1, 2)) == 3
    assert rpc.wait_all([rpc.rpc_async("w1", slow_add, args=(i, 2)) for i in range(50)]) == list(range(2, 52))
    assert raises(KeyError, rpc.rpc_sync, "w1", slow_fail).args == ("slow",)
    assert rpc.remote("w1", slow_add, args=(1, 2)).to_here() == 3
    raises(KeyError, rpc.remote("w1", slow_fail).to_here)


@rpc.functions.async_execution
def async_add(to, a, b):
    return rpc.rpc_async(to, add, args=(a, b)).then(lambda f: f.wait() + 1)


@rpc.functions.async_execution
def wrong():
    return 5


@rpc.functions.async_execution
def raises_at_once():
    raise KeyError("at once")


@rpc.functions.async_execution
def fails_later():
    future = rpc.Future()
    threading.Timer(0.01, future.set_exception, args=(KeyError("later"),)).start()
    return future


class AsyncMethods:
    @staticmethod
    @rpc.functions.async_execution
    def static_add(to, a, b):
        return rpc.rpc_async(to, add, args=(a, b))

    @classmethod
    @rpc.functions.async_execution
    def class_add(cls, to, a, b):
        return rpc.rpc_async(to, add, args=(a, b))

    @rpc.functions.async_execution
    def bound_add(self, to, a, b):
        return rpc.rpc_async(to, add, args=(a, b))


def test_async_execution():
    assert rpc.rpc_sync("w1", async_add, args=("w2", 1, 2)) == 4
    assert rpc.rpc_async("w1", async_add, args=("w1", 1, 2)).wait() == 4
    assert rpc.remote("w1", async_add, args=("w2", 1, 2)).to_here() == 4
    assert "must return a torch.futures.Future object, but got builtins.int" in str(raises(RuntimeError, rpc.rpc_sync, "w1", wrong))
    assert raises(KeyError, rpc.rpc_sync, "w1", raises_at_once).args == ("at once",)
    assert raises(KeyError, rpc.rpc_sync, "w1", fails_later).args == ("later",)
    assert rpc.rpc_sync("w1", AsyncMethods.static_add, args=("w2", 1, 2)) == 3
    assert rpc.rpc_sync("w1", AsyncMethods.class_add, args=("w2", 1, 2)) == 3
    rref = rpc.remote("w1", AsyncMethods)
    assert rref.rpc_sync().bound_add("w2", 1, 2) == 3
    assert rref.rpc_sync().static_add("w2", 1, 2) == 3
