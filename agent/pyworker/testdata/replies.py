"""What w1 replies to w0, which holds it to a list: value:replies:Own and replies:Failure."""

import threading

import gopyrpc as rpc
from cases import raises

fired = []


def fire(text):
    fired.append(text)
    return "fired"


class Bomb:
    def __reduce__(self):
        return fire, ("unpickled",)


class Own:
    def __init__(self, value):
        self.value = value


class Other(Own):
    pass


class Failure(Exception):
    pass


class OtherFailure(Exception):
    pass


def give(kind):
    return {
        "bomb": Bomb(), "own": Own([1]), "other": Other(1), "function": fire, "large": [bytes(100_000), bytearray(b"x" * 70_000), "text"],
        "plain": {"a": [1, 2.5, None, (3,)], "b": b"bytes"}, "rref": rpc.RRef(7),
    }[kind]  # fmt: skip


def fail(kind):
    raise {"bomb": ValueError(Bomb()), "own": Failure(1), "other": OtherFailure(2), "plain": KeyError("key")}[kind]


def chained(future):
    """The value of *future* as a callback sees it, which raises what it raises there."""
    try:
        return future.then(lambda done: done.value()).wait()
    except RuntimeError as exc:
        raise exc.__cause__ from exc.__cause__.__cause__


def ways(function, *args):
    """All ways in which a worker's reply comes in."""
    yield lambda: rpc.rpc_sync("w1", function, args)
    yield lambda: rpc.rpc_async("w1", function, args).wait()
    yield lambda: chained(rpc.rpc_async("w1", function, args))
    yield lambda: rpc.remote("w1", function, args).to_here()


def check_named():
    for way in ways(give, "plain"):
        assert way() == give("plain")
    for way in ways(give, "large"):
        assert way() == give("large")
    for way in ways(give, "own"):
        assert type(way()) is Own and way().value == [1]
    for way in (rpc.rpc_sync, lambda *call: rpc.rpc_async(*call).wait(), lambda *call: rpc.remote(*call).to_here()):
        assert way("w1", give, ("rref",)).to_here() == 7
    refused()
    for way in ways(fail, "own"):
        assert raises(Failure, way).args == (1,)
    for way in ways(fail, "plain"):
        assert raises(KeyError, way).args == ("key",)
    for way in ways(fail, "other"):
        exc = raises(rpc.RemoteError, way)
        assert "OtherFailure" in str(exc) and "allow-list" in exc.reason, exc
    for way in ways(fail, "bomb"):
        assert raises(rpc.RemoteError, way).type_name == "ValueError"
    kept = rpc.remote("w1", Own, (1,))
    assert kept.rpc_sync().__repr__()  # of the proxy
    assert fired == [], fired


def keep_rref():
    return [rpc.RRef(7)]


def check_other_threads(to):
    """RRefs in a reply are the calling worker's, whichever thread reads the reply: here one that serves no worker."""
    kept = rpc.remote(to, keep_rref)
    remote_seven = rpc.remote(to, int, ("7",))
    chained = rpc.rpc_async(to, int, ("7",)).then(lambda _: rpc.rpc_async(to, give, ("rref",)).wait()).wait
    for read in (
        rpc.rpc_async(to, give, ("rref",)).wait,
        chained,
        lambda: kept.to_here()[0],
        lambda: kept.rpc_sync().pop(),
        lambda: remote_seven._get_type() is int and remote_seven,
    ):
        got = rpc.Future()

        def in_thread():
            try:
                got.set_result(read())
            except BaseException as exc:
                got.set_exception(exc)

        threading.Thread(target=in_thread).start()
        assert got.wait().to_here() == 7


def refused():
    for kind, name in (("bomb", "replies:fire"), ("other", "replies:Other"), ("function", "replies:fire")):
        for way in ways(give, kind):
            exc = raises(rpc.DeserializeError, way)
            assert f"{name} " in str(exc) and "is not on the allow-list" in str(exc), exc
            assert "cannot deserialize the reply of worker w1: " in str(exc), exc
            assert type(exc.__cause__).__name__ == "ForbiddenGlobal" and exc.__cause__.global_name == name, exc.__cause__


def call_back():
    """Of w0, for w1: ask w1 itself."""
    exc = raises(rpc.DeserializeError, rpc.rpc_sync, "w1", give, ("bomb",))
    assert "replies:fire is not on the allow-list" in str(exc), exc
    refused()
    for register in (rpc.Future.then, rpc.Future.add_done_callback):
        exc = raises(rpc.DeserializeError, in_callback, register)
        assert "replies:fire is not on the allow-list" in str(exc), exc
    assert fired == []
    return rpc.rpc_sync("w2", give, ("bomb",))  # which is no business of w1's


def in_callback(register):
    """Ask w1 in the callback of a Future, which runs in the thread that sets the outcome."""
    outer, asked = rpc.Future(), rpc.Future()

    def ask(done):
        try:
            asked.set_result(rpc.rpc_sync("w1", give, ("bomb",)))
        except BaseException as exc:
            asked.set_exception(exc)

    register(outer, ask)
    threading.Thread(target=outer.set_result, args=(None,)).start()
    return asked.wait()


def check_bound():
    """As w1, which w0 holds to a list without its name: so in what it replies to a function that it has called."""
    assert rpc.rpc_sync("w0", call_back) == "fired"
    assert fired.pop() == "unpickled" and not fired


def check_free():
    """As w0: where w1 is not being served its replies are free."""
    assert rpc.rpc_sync("w1", give, ("bomb",)) == "fired"
    assert fired.pop() == "unpickled" and not fired
