"""What a program can do with gopyrpc. Every test_* runs inside w0, of w0 to w3."""

import gc
import math
import threading
import time

import gopyrpc as rpc


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
    assert exc.__gopyrpc_remote__.worker == "w1" or exc.__gopyrpc_remote__.worker.startswith("w")
    assert any("fail" in str(frame) for frame in exc.__gopyrpc_remote__.frames)


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


def overdue(call, *args, **kwargs):
    """Return what a call raises whose 0.2 s are over. On a busy machine a call may begin late, and names what is left then."""
    for _ in range(100):
        exc = raises(rpc.RpcTimeoutError, call, *args, timeout=0.2, **kwargs)
        if exc.ran and "(200 ms)" in str(exc):
            break
    return exc


def check_text_of_nap(exc):
    """Check what *exc* says of a nap at w1. A callee that notices the deadline before its caller adds what the deadline ended."""
    began = "RPCErr:1:RPC ran for more than set timeout (200 ms) and will now be marked with an error"
    subject = " (cases.nap at worker w1)"
    text = str(exc)
    assert text.startswith(began) and text.endswith(subject), text
    ended = text[len(began) : -len(subject)]
    assert not ended or ended.startswith(": ") and "context deadline" not in ended, text


def test_timeout():
    exc = overdue(rpc.rpc_sync, "w1", nap, args=(0,))
    assert isinstance(exc, RuntimeError) and isinstance(exc, TimeoutError)
    check_text_of_nap(exc)
    assert exc.worker == "w1" and exc.ran
    exc = overdue(lambda **kwargs: rpc.rpc_async("w1", nap, args=(0,), **kwargs).wait())
    check_text_of_nap(exc)
    exc = overdue(rpc.rpc_sync, rpc.get_worker_info(), nap, args=(0,))
    assert str(exc).startswith("RPCErr:1:RPC ran for more than set timeout (200 ms) and will now be marked with an error"), exc
    assert "cases.nap" in str(exc), exc
    raises(ValueError, rpc.rpc_sync, "w1", add, (1, 2), timeout=-3)
    assert rpc.rpc_sync("w1", add, (1, 2), timeout=0) == 3


def times_out():
    rpc.rpc_sync("w0", nap, args=(0,), timeout=0.1)


def test_rpc_error_of_a_nested_call():
    exc = raises(rpc.RpcTimeoutError, rpc.rpc_sync, "w1", times_out)
    assert (exc.code, exc.worker, exc.ran) == ("DeadlineExceeded", "w0", True), vars(exc)
    assert str(exc).startswith("RPCErr:1:RPC ran for more than set timeout (100 ms) and will now be marked with an error"), exc
    assert str(exc).count("RPC ran for") == 1 and "context deadline" not in str(exc), exc


class Locked(Exception):
    def __init__(self, msg):
        super().__init__()
        self.lock, self.msg = threading.Lock(), msg

    def __str__(self):
        with self.lock:
            return self.msg


def fail_locked():
    raise Locked("broken pipe")


def test_exception_whose_text_does_not_travel():
    exc = raises(rpc.internal.RemoteError, rpc.rpc_sync, "w1", fail_locked)
    assert exc.message == "broken pipe" and "broken pipe" in str(exc), exc
    assert "its lock could not travel" in exc.reason, exc.reason


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
    for call in (rref.rpc_sync().no_such_method, lambda: rref.rpc_async().no_such_method().wait(), rref.remote().no_such_method):
        assert "has no attribute 'no_such_method'" in str(raises(AttributeError, call))
    assert raises(KeyError, rref.rpc_sync().fail).args == ("of a method",)
    raises(KeyError, rref.rpc_async().fail().wait)
    proxy = rref.rpc_sync(timeout=5)
    assert (proxy.rref, proxy.rpc_timeout) == (rref, 5)


class Layer:
    """Has special methods, as torch's modules have."""

    def __init__(self, scale):
        self.scale = scale
        self.entered = 0

    def __call__(self, x):
        return self.scale * x

    def __len__(self):
        return self.scale

    def __getitem__(self, key):
        return self.scale, key

    def __enter__(self):
        self.entered += 1
        return self

    def __exit__(self, *exc_info):
        self.entered -= 1
        return "left"


def test_rref_special_methods():
    rref = rpc.remote("w1", Layer, args=(3,))
    for proxy, result in (
        (rref.rpc_sync(), lambda r: r),
        (rref.rpc_async(), lambda f: f.wait()),
        (rref.remote(), lambda r: r.to_here()),
    ):
        assert result(proxy.__call__(4)) == 12
        assert result(proxy.__len__()) == 3
        assert result(proxy.__getitem__("k")) == (3, "k")
        assert result(proxy.__enter__()).entered == 1
        assert result(proxy.__exit__(None, None, None)) == "left"
        raises(AttributeError, lambda: result(proxy.__matmul__(1)))
    raises(AttributeError, getattr, rref.rpc_sync(), "__array__")
    assert rpc.remote("w1", list, args=([1, 2],)).rpc_sync().__len__() == 2
    # What one worker gives, the next takes: pipelines of modules are written so.
    assert rref.remote().__call__(rref.rpc_sync().__len__()).rpc_sync().__add__(1) == 10


def test_the_future_of_an_rref():
    rref = rpc.remote("w1", Counter)
    assert rref._get_future().wait() is None and rref._get_future().done() in (True, False)
    assert rpc.RRef(3)._get_future().wait() is None
    exc = raises(KeyError, rpc.remote("w1", fail, args=("f",))._get_future().wait)
    assert exc.args == ("f",)


def test_what_an_rref_has_not_yet():
    rref = rpc.RRef(3)
    for call in (rref.backward, rref._get_profiling_future, lambda: rref._set_profiling_future(None)):
        exc = raises(RuntimeError, call)
        assert str(exc).startswith("gopyrpc does not have ") and str(exc).endswith(" yet"), exc
    assert "only as an argument or a result" in str(raises(RuntimeError, rref._serialize))


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
