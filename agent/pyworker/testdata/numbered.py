"""Those of torch's 141 cases that an agent decides, by number: see docs/torch.md. Every test_* runs inside w0, of w0 to w3."""

import functools
import time

import gopyrpc as rpc
from cases import Counter, add, hand_back, raises
from gopyrpc.internal import RemoteException


def make_lambda():
    return lambda: "mine"


def test_case_040_remote_to_self_of_what_cannot_travel():
    assert rpc.remote("w0", make_lambda).local_value()() == "mine"
    raises(rpc.SerializeError, rpc.remote("w1", make_lambda).to_here)


class Unloadable:
    """Cannot be read where it arrives."""

    def __reduce__(self):
        return unloadable, ()


def unloadable():
    raise ModuleNotFoundError("No module named 'only_here'", name="only_here")


def test_case_054_remote_that_cannot_be_read():
    rref = rpc.remote("w1", add, args=(Unloadable(), 1))
    assert "only_here" in str(raises(rpc.DeserializeError, rref.to_here))
    assert "only_here" in str(raises(rpc.DeserializeError, rref.to_here))  # and the group can part


@rpc.functions.async_execution
def returns(what):
    future = rpc.Future()
    if what == "None":
        return None
    if what == "lambda":
        future.set_result(lambda: 0)
    elif what == "future":
        future.set_result(rpc.Future())
    elif what == "exception":
        future.set_result(KeyError("a value"))
    elif what == "remote exception":
        future.set_result(RemoteException("On w9:\nIndexError('x')", IndexError))
    elif what == "callback":
        future.set_result(1)
        return future.then(lambda f: f.value() / 0)
    elif what == "never":
        pass
    return future


def test_case_079_083_084_what_is_no_future():
    exc = raises(TypeError, rpc.rpc_sync, "w1", returns, args=("None",))
    assert "must return a torch.futures.Future object, but got builtins.NoneType" in str(exc)


def test_case_081_an_exception_is_a_value_unless_it_is_set_as_one():
    assert rpc.rpc_sync("w1", returns, args=("exception",)).args == ("a value",)  # which was not raised


def test_case_085_futures_of_what_cannot_travel():
    for what in ("lambda", "future"):
        raises(rpc.SerializeError, rpc.rpc_sync, "w1", returns, args=(what,))


def test_case_086_callback_that_raises():
    exc = raises(RuntimeError, rpc.rpc_sync, "w1", returns, args=("callback",))
    assert "ZeroDivisionError: division by zero" in str(exc)


def test_case_088_future_of_a_remote_exception():
    raises(IndexError, rpc.rpc_sync, "w1", returns, args=("remote exception",))


def test_case_089_future_that_never_has_an_outcome():
    exc = raises(rpc.RpcTimeoutError, rpc.rpc_sync, "w1", returns, args=("never",), timeout=0.1)
    assert exc.ran


later = functools.partial(returns, "exception")


def test_case_090_partial():
    assert rpc.rpc_sync("w1", later).args == ("a value",)


def test_case_109_110_rrefs_as_arguments():
    value = Counter(1)
    rref = rpc.RRef(value)
    assert rpc.rpc_sync("w1", rpc.RRef.is_owner, args=(rref,)) is False
    assert rpc.rpc_sync("w1", rpc.RRef.owner_name, args=(rref,)) == "w0"
    back = rpc.rpc_sync("w1", hand_back, args=(rref,))
    assert back is not rref and back.is_owner() and back.local_value() is value
    there = rpc.remote("w1", Counter)
    assert rpc.rpc_sync("w1", rpc.RRef.is_owner, args=(there,)) is True


def test_case_111_rrefs_inside():
    there = rpc.remote("w1", Counter, args=(4,))
    for inside in ([there], {"k": there}, (1, [there])):
        came = rpc.rpc_sync("w2", hand_back, args=(inside,))
        while type(came) in (list, dict, tuple):
            came = list(came.values() if type(came) is dict else came)[-1]
        assert came.to_here().n == 4 and came.owner_name() == "w1"


def test_case_112_local_value_of_a_user():
    exc = raises(RuntimeError, rpc.remote("w1", Counter).local_value)
    assert "can't call localValue() on user WorkerInfo(id=0, name=w0). Call it on owner WorkerInfo(id=1, name=w1)" in str(exc), exc
    assert "to_here()" in str(exc), exc


def test_case_115_118_rrefs_of_containers():
    items = [1, {"a": 2}]
    rref = rpc.RRef(items)
    assert rref.local_value() is items  # and no copy
    assert rpc.rpc_sync("w1", to_here, args=(rpc.RRef((1, 2)),)) == (1, 2)
    assert rpc.rpc_sync("w1", to_here, args=(rref,)) == items
    items.append(3)
    assert rpc.rpc_sync("w1", to_here, args=(rref,)) == items


def to_here(rref):
    return rref.to_here()


def nap(seconds):
    time.sleep(seconds)
    return "rested"


def test_case_116_remote_that_takes_too_long():
    began = "RPCErr:1:RPC ran for more than set timeout (50 ms) and will now be marked with an error"
    for to in ("w1", "w0"):
        for _ in range(2):
            rref = rpc.remote(to, nap, args=(0.5,), timeout=0.05)
            for use in (rref.to_here, rref._get_future().wait, rref.rpc_sync().upper, rref.remote().upper):
                exc = raises(rpc.RpcTimeoutError, use)
                assert str(exc).startswith(began), exc
                assert "RRef creation via rpc.remote() timed out, and it is possible that the RRef on the owner node does not exist" in str(exc), exc
    rref = rpc.remote("w1", nap, args=(0.5,))
    exc = raises(rpc.RpcTimeoutError, rref.to_here, timeout=0.05)
    assert str(exc).startswith(began) and "to_here of UserRRef" in str(exc) and "worker w1" in str(exc), exc
    assert rref.to_here() == "rested"  # it is not the value that had no time
    assert rpc.remote("w1", nap, args=(0.01,), timeout=0).to_here() == "rested"


def test_case_117_type_is_asked_for_as_it_is_wanted():
    rref = rpc.remote("w1", Counter)
    future = rref._get_type(blocking=False)
    assert isinstance(future, rpc.Future) and future.wait() is Counter
    assert rref._get_type() is Counter
    again = rref._get_type(blocking=False)
    assert isinstance(again, rpc.Future) and again.wait() is Counter


def test_case_119_twice():
    rref = rpc.remote("w1", Counter, args=(2,))
    one, two = rref.to_here(), rref.to_here()
    assert one is not two and one.n == two.n == 2
    own = rpc.RRef(one)
    assert own.to_here() is own.to_here() is one


def test_case_136_nested_calls_to_oneself():
    assert rpc.rpc_sync("w0", itself, args=(50,)) == 50


def itself(depth):
    return 0 if depth == 0 else 1 + rpc.rpc_sync(rpc.get_worker_info().name, itself, args=(depth - 1,))


def test_case_139_timeouts():
    assert rpc.rpc_sync("w1", add, (1, 2), timeout=0) == 3
    assert rpc.rpc_sync("w1", add, (1, 2), timeout=rpc.constants.UNSET_RPC_TIMEOUT) == 3
    assert rpc.rpc_sync("w1", add, (1, 2), timeout=None) == 3
    raises(rpc.RpcTimeoutError, rpc.rpc_sync, "w1", nap, args=(0.5,), timeout=0.0001)  # and not for ever
    assert "timeout" in str(raises(ValueError, rpc.rpc_sync, "w1", add, (1, 2), timeout=-5))
    raises(ValueError, rpc.rpc_sync, "w1", add, (1, 2), timeout=float("nan"))
    raises((TypeError, ValueError), rpc.rpc_sync, "w1", add, (1, 2), timeout="soon")
