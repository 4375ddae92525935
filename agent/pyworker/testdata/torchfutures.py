"""Futures where torch is imported. Every test_* runs inside w0, of w0 and w1."""

import asyncio
import concurrent.futures
import threading

import torch

import gopyrpc as rpc
from cases import add, fail, raises

go_on = threading.Event()


def hold(value):
    assert go_on.wait(60)
    return value


def let_go():
    go_on.set()


def held_back(count=1):
    """Calls of w1 that have no outcome before let_go is called there, which all workers of this process share."""
    go_on.clear()
    return [rpc.rpc_async("w1", hold, args=(n,)) for n in range(count)]


def in_a_thread(function, *args):
    future = concurrent.futures.Future()

    def run():
        try:
            future.set_result(function(*args))
        except BaseException as exc:
            future.set_exception(exc)

    threading.Thread(target=run).start()
    return future


def test_they_are_torchs():
    future = rpc.rpc_async("w1", add, args=(1, 2))
    for kind in (torch.futures.Future, torch._C.Future, rpc.Future):
        assert isinstance(future, kind)
        assert isinstance(future.then(lambda f: f.value()), kind)
        assert isinstance(rpc.Future(), kind)
    assert future.wait() == future.value() == 3 and future.done()
    assert isinstance(rpc.RRef(1)._get_future(), torch.futures.Future)
    assert isinstance(rpc.remote("w1", add, args=(1, 2)).rpc_async().__add__(1), torch.futures.Future)


def test_torchs_own_functions():
    futures = [rpc.rpc_async("w1", add, args=(n, 1)) for n in range(40)]
    assert torch.futures.wait_all(futures) == list(range(1, 41))
    assert torch.futures.wait_all(futures) == list(range(1, 41))
    mine = torch.futures.Future()
    both = torch.futures.collect_all([rpc.rpc_async("w1", add, args=(1, 2)), mine])
    assert isinstance(both, torch._C.Future) and not both.done()
    mine.set_result("mine")
    assert [f.wait() for f in both.wait()] == [3, "mine"]
    assert torch.futures.collect_all([mine]).then(lambda f: f.value()[0].value()).wait() == "mine"
    assert rpc.wait_all([mine, rpc.rpc_async("w1", add, args=(1, 2))]) == ["mine", 3]


def test_waits_in_cpp_end():
    """Nobody in Python waits for the outcome: the agent passes it on."""
    future, = held_back()
    waits = in_a_thread(torch._C.Future.wait.__wrapped__, future)
    chained = torch._C.Future.then(future, lambda f: f.value() + 1)
    collected = torch._C._collect_all.__wrapped__([future, rpc.rpc_async("w1", add, args=(1, 1))])
    let_go()
    assert waits.result(60) == 0 and chained.wait() == 1
    assert [f.wait() for f in collected.wait()] == [0, 2]


def test_failures_in_cpp():
    future = rpc.rpc_async("w1", fail, args=("y",))
    assert raises(KeyError, torch._C.Future.wait.__wrapped__, future).args == ("y",)
    assert raises(KeyError, future.wait).args == ("y",)
    raises(KeyError, torch._C._collect_all.__wrapped__([future]).wait)


def test_cpp_knows_what_was_waited_for():
    future = rpc.rpc_async("w1", add, args=(1, 2))
    assert future.wait() == 3
    assert torch._C.Future.done(future) and torch._C.Future.wait.__wrapped__(future) == 3
    assert torch.jit.wait(future) == 3


def test_outcomes_by_hand():
    future = rpc.Future()
    waits = in_a_thread(torch._C.Future.wait.__wrapped__, future)
    future.set_result("value")
    assert waits.result(60) == "value"
    assert "Future can only be marked completed once" in str(raises(RuntimeError, future.set_result, 1))
    failed = rpc.Future()
    failed.set_exception(ValueError("no"))
    raises(ValueError, torch._C.Future.wait.__wrapped__, failed)
    raises(ValueError, torch._C.Future.wait, failed)
    raises(AssertionError, rpc.Future().set_exception, "text")
    raises(RuntimeError, rpc.Future().value)


def test_the_first_failure_ends():
    for wait_all in (torch.futures.wait_all, rpc.wait_all):
        never = held_back(3)
        try:
            assert raises(KeyError, wait_all, [*never, rpc.rpc_async("w1", fail, args=("first",))]).args == ("first",)
            assert not any(f.done() for f in never)
        finally:
            let_go()
        assert wait_all(never) == [0, 1, 2]


def test_callbacks():
    future = rpc.rpc_async("w1", add, args=(1, 2))
    assert "then(): incompatible function arguments." in str(raises(TypeError, future.then, None))
    raises(TypeError, future.add_done_callback, None)
    text = str(raises(RuntimeError, future.then(add).wait))
    assert "Got the following error when running the callback: TypeError: add() missing 1 required positional argument" in text
    assert "unsupported operand type(s) for +" in str(raises(RuntimeError, future.then(lambda f: f + 1).wait))
    seen = []
    future.add_done_callback(lambda f: seen.append(f.value()))
    assert seen == [3]


def returns(what):
    return what


def test_futures_do_not_travel():
    for future in (rpc.Future(), torch.futures.Future()):
        for call in (rpc.rpc_sync, rpc.rpc_async, rpc.remote):
            assert "Can not pickle torch.futures.Future" in str(raises(RuntimeError, call, "w1", returns, args=(future,)))
    for function in (unmarked, unmarked_torchs):
        assert "Can not pickle torch.futures.Future" in str(raises(RuntimeError, rpc.rpc_sync, "w1", function))
        assert "Can not pickle torch.futures.Future" in str(raises(RuntimeError, rpc.remote("w1", function).to_here))


def unmarked():
    return rpc.Future()


def unmarked_torchs():
    return torch.futures.Future()


@rpc.functions.async_execution
def later(kind, outcome):
    if kind == "asyncio":
        return asyncio.run_coroutine_threadsafe(in_a_loop(outcome), loop()).result()
    future = {"gopyrpc": rpc.Future, "torch": torch.futures.Future, "concurrent": concurrent.futures.Future, "own": Own}[kind]()
    threading.Timer(0.01, set_outcome, (future, outcome)).start()
    return future


class Own(rpc.Future):
    """A program's own class."""


def set_outcome(future, outcome):
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


async def in_a_loop(outcome):
    running = asyncio.get_running_loop()
    future = running.create_future()
    running.call_later(0.01, set_outcome, future, outcome)
    return future


loops = []


def loop():
    if not loops:
        loops.append(asyncio.new_event_loop())
        threading.Thread(target=loops[0].run_forever, daemon=True).start()
    return loops[0]


def test_async_execution_takes_futures_of_all_kinds():
    for kind in ("gopyrpc", "own", "torch", "concurrent", "asyncio"):
        assert rpc.rpc_sync("w1", later, args=(kind, 5)) == 5, kind
        assert rpc.rpc_async("w1", later, args=(kind, torch.ones(2))).wait().sum() == 2
        assert rpc.remote("w1", later, args=(kind, 6)).to_here() == 6
        assert raises(ValueError, rpc.rpc_sync, "w1", later, args=(kind, ValueError("no"))).args == ("no",)


def test_chains_of_torchs_futures():
    chain = rpc.rpc_async("w1", add, args=(1, 2))
    for _ in range(20):
        chain = chain.then(lambda f: f.wait() + 1)
    assert torch.futures.wait_all([chain]) == [23]
