"""What a program can do with pyrpc. Every test_* runs inside w0, of w0 to w3."""

import asyncio
import gc
import math
import threading
import time

import pyrpc as rpc


def add(a, b):
    return a + b


def fail(text):
    raise KeyError(text)


def whoami():
    return rpc.get_worker_info().name


def raises(kind, call, *args, **kwargs):
    try:
        result = call(*args, **kwargs)
    except kind as exc:
        return exc
    raise AssertionError(f"{kind.__name__} was not raised, but {result!r} returned")


# Calls


def test_rpc_sync():
    assert rpc.rpc_sync("w1", add, args=(1, 2)) == 3
    assert rpc.rpc_sync("w1", add, kwargs={"a": 1, "b": 2}) == 3
    assert rpc.rpc_sync("w1", add, (1,), {"b": 2}) == 3
    assert rpc.rpc_sync("w1", math.hypot, args=(3, 4)) == 5.0


def test_destinations():
    for to in ("w2", 2, rpc.get_worker_info("w2"), rpc.WorkerInfo("w2", 2)):
        assert rpc.rpc_sync(to, whoami) == "w2"
    assert rpc.rpc_sync("w0", whoami) == "w0"  # itself
    assert "unknown worker 'w9'; there are w0, w1, w2, w3" in str(raises(ValueError, rpc.rpc_sync, "w9", add))
    raises(ValueError, rpc.rpc_sync, 9, add)
    raises(TypeError, rpc.rpc_sync, None, add)
    raises(TypeError, rpc.rpc_sync, "w1", "not a function")


def test_exception():
    exc = raises(KeyError, rpc.rpc_sync, "w1", fail, args=("x",))
    assert exc.args == ("x",)
    assert exc.__pyrpc_remote__.worker == "w1" or exc.__pyrpc_remote__.worker.startswith("w")
    assert any("fail" in str(frame) for frame in exc.__pyrpc_remote__.frames)


def test_what_cannot_travel():
    raises(rpc.SerializeError, rpc.rpc_sync, "w1", add, args=(lambda: 0, 1))
    raises(rpc.SerializeError, rpc.rpc_sync, "w1", lambda: 0)
    raises(rpc.SerializeError, rpc.rpc_sync, "w1", threading.Lock)  # neither can a result


def test_large_bytes():
    data = bytes(range(256)) * 40_000
    assert rpc.rpc_sync("w1", bytes.__add__, args=(data, b"x")) == data + b"x"


def nap(event):
    for _ in range(6000):
        time.sleep(0.01)


def test_timeout():
    exc = raises(rpc.RpcTimeoutError, rpc.rpc_sync, "w1", nap, args=(0,), timeout=0.2)
    assert isinstance(exc, RuntimeError) and isinstance(exc, TimeoutError)
    assert str(exc).startswith("RPCErr:1:"), exc
    assert exc.worker == "w1" and exc.ran
    raises(rpc.RpcTimeoutError, rpc.rpc_async("w1", nap, args=(0,), timeout=0.2).wait)
    raises(ValueError, rpc.rpc_sync, "w1", add, (1, 2), timeout=-3)
    assert rpc.rpc_sync("w1", add, (1, 2), timeout=0) == 3


def test_default_timeout():
    before = rpc.get_rpc_timeout()
    rpc._set_rpc_timeout(0.1)
    try:
        raises(rpc.RpcTimeoutError, rpc.rpc_sync, "w1", nap, args=(0,))
        raises(rpc.RpcTimeoutError, rpc.rpc_async("w1", nap, args=(0,), timeout=rpc.constants.UNSET_RPC_TIMEOUT).wait)
        raises(ValueError, rpc._set_rpc_timeout, -1)
        assert rpc.get_rpc_timeout() == 0.1
    finally:
        rpc._set_rpc_timeout(before)
    assert rpc.is_available()


# Futures


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
    assert type(raises(ZeroDivisionError, future.then(lambda f: 1 / 0).wait)) is ZeroDivisionError
    raises(KeyError, rpc.rpc_async("w1", fail, args=("z",)).then(lambda f: f.wait()).wait)


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
    assert "must return a pyrpc.Future object, but got builtins.int" in str(raises(TypeError, rpc.rpc_sync, "w1", wrong))
    assert raises(KeyError, rpc.rpc_sync, "w1", raises_at_once).args == ("at once",)
    assert raises(KeyError, rpc.rpc_sync, "w1", fails_later).args == ("later",)
    assert rpc.rpc_sync("w1", AsyncMethods.static_add, args=("w2", 1, 2)) == 3
    assert rpc.rpc_sync("w1", AsyncMethods.class_add, args=("w2", 1, 2)) == 3
    rref = rpc.remote("w1", AsyncMethods)
    assert rref.rpc_sync().bound_add("w2", 1, 2) == 3
    assert rref.rpc_sync().static_add("w2", 1, 2) == 3


# Nesting


def nested(depth):
    if depth == 0:
        return 0
    me = rpc.get_worker_info().id
    return 1 + rpc.rpc_sync((me + 1) % 4, nested, args=(depth - 1,), timeout=0)


def test_nested():
    assert nested(20) == 20


def fib(n):
    if n < 2:
        return n
    a = rpc.rpc_async("w0", fib, args=(n - 1,))
    b = rpc.rpc_async("w1", fib, args=(n - 2,))
    return a.wait() + b.wait()


def test_fib():
    assert fib(8) == 21


# RRefs


class Counter:
    def __init__(self, start=0):
        self.n = start

    def add(self, k):
        self.n += k
        return self.n

    def fail(self):
        raise KeyError("of a method")

    def me(self):
        return whoami()


def value_of(rref):
    return rref.local_value() if rref.is_owner() else rref.to_here()


def hand_back(rref):
    return rref


def keep(rref, kept=[]):
    kept.append(rref)
    return len(kept)


def drop(kept=keep.__defaults__[0]):
    kept.clear()


def test_remote():
    rref = rpc.remote("w1", add, args=(1, 2))
    assert rref.to_here() == 3
    assert rref.owner() == rpc.get_worker_info("w1") and rref.owner_name() == "w1"
    assert not rref.is_owner()
    assert isinstance(rref, rpc.RRef) and isinstance(rref, rpc.PyRRef)
    rref.to_here()
    assert rref.confirmed_by_owner()
    assert "w1" in str(raises(RuntimeError, rref.local_value))
    assert str(rref).startswith("UserRRef(")
    assert raises(KeyError, rpc.remote("w1", fail, args=("r",)).to_here).args == ("r",)


def test_remote_to_self():
    rref = rpc.remote("w0", Counter, args=(5,))
    assert rref.is_owner()
    assert rref.local_value() is rref.to_here()
    assert rref.rpc_sync().add(1) == 6
    raises(KeyError, rpc.remote("w0", fail, args=("s",)).local_value)


def test_owner_rref():
    value = Counter(1)
    rref = rpc.RRef(value)
    assert rref.is_owner() and rref.local_value() is value and rref.to_here() is value
    assert rref.confirmed_by_owner()
    assert str(rref).startswith("OwnerRRef(")
    assert rpc.RRef((1, 2)).local_value() == (1, 2)
    assert rpc.RRef(2**70).local_value() == 2**70
    items = [1, 2]
    assert rpc.RRef(items).local_value() is items
    assert rpc.RRef[int] is rpc.RRef


def test_rref_as_argument():
    value = Counter(7)
    rref = rpc.RRef(value)
    assert rpc.rpc_sync("w1", value_of, args=(rref,)).n == 7
    again = rpc.rpc_sync("w1", hand_back, args=(rref,))
    assert again.is_owner() and again.local_value() is value
    there = rpc.remote("w1", Counter, args=(8,))
    assert rpc.rpc_sync("w2", value_of, args=(there,)).n == 8
    assert rpc.rpc_sync("w1", value_of, args=(there,)).n == 8
    inside = rpc.rpc_sync("w2", hand_back, args=([{"k": there}],))
    assert inside[0]["k"].to_here().n == 8
    chain = rpc.remote("w3", hand_back, args=(there,)).to_here()
    assert chain.to_here().n == 8 and chain.owner_name() == "w1"


def test_rref_proxy():
    rref = rpc.remote("w1", Counter, args=(10,))
    assert rref.rpc_sync().add(1) == 11
    assert rref.rpc_async().add(k=1).wait() == 12
    assert rref.remote().add(1).to_here() == 13
    assert rref.rpc_sync().me() == "w1"
    raises(AttributeError, rref.rpc_sync().no_such_method)
    assert raises(KeyError, rref.rpc_sync().fail).args == ("of a method",)
    raises(KeyError, rref.rpc_async().fail().wait)
    proxy = rref.rpc_sync(timeout=5)
    assert (proxy.rref, proxy.rpc_timeout) == (rref, 5)


def test_rref_type():
    rref = rpc.remote("w1", Counter)
    assert rref._get_type() is Counter
    assert rref._get_type(blocking=False).wait() is Counter
    assert rref._get_type() is Counter
    assert rpc.RRef(3)._get_type() is int


def test_rref_does_not_travel_otherwise():
    import copy
    import pickle

    rref = rpc.RRef(1)
    raises(RuntimeError, pickle.dumps, rref)
    raises(RuntimeError, copy.copy, rref)


def test_fork_of_failed_call_is_taken_back():
    rref = rpc.RRef(Counter())
    raises(rpc.SerializeError, rpc.rpc_sync, "w1", add, args=(rref, lambda: 0))
    raises(rpc.RpcError, rpc.rpc_sync, "w1", add, args=(rref, bytes(70 << 20)))


def test_kept_elsewhere():
    value = Counter(3)
    rpc.rpc_sync("w1", keep, args=(rpc.RRef(value),))
    gc.collect()
    try:
        assert rpc.rpc_sync("w1", kept_value).n == 3
    finally:
        rpc.rpc_sync("w1", drop)


def kept_value():
    return keep.__defaults__[0][0].to_here()


# The group


def test_worker_info():
    assert rpc.get_worker_info().name == "w0" and rpc.get_worker_info().id == 0
    info = rpc.rpc_sync("w3", rpc.get_worker_info)
    assert (info.name, info.id) == ("w3", 3)
    assert str(info) == "WorkerInfo(id=3, name=w3)"
    assert {info: 1}[rpc.WorkerInfo("w3", 3)] == 1
    assert [w.name for w in rpc.get_worker_infos()] == ["w0", "w1", "w2", "w3"]


def test_what_a_call_may_not_do():
    assert "inside a call" in str(raises(RuntimeError, rpc.shutdown))
    assert "already initialized" in str(raises(RuntimeError, rpc.init_rpc, "other", rank=0, world_size=1))
