"""What is left of a worker that has gone, and what a restricted one may do."""

import math
import os
import time

import gopyrpc as rpc
from cases import add, raises
from listed import Fake, Listed, shadowed
from gopyrpc.internal import _call_method, _check_value, _type_of_value

kept = {}


def prepare():
    kept["rref"] = rpc.remote("w1", add, args=(1, 2))
    kept["rref"].to_here()


def check_gone():
    began = time.monotonic()
    exc = raises(rpc.RpcConnectionError, rpc.rpc_sync, "w1", add, (1, 2))
    assert isinstance(exc, ConnectionError) and isinstance(exc, RuntimeError), type(exc).mro()
    assert exc.worker == "w1" and "w1" in str(exc), exc
    raises(rpc.RpcConnectionError, rpc.rpc_async("w1", add, (1, 2)).wait)
    raises(rpc.RpcConnectionError, kept.pop("rref").to_here)
    unmade = rpc.remote("w1", add, args=(1, 2))
    raises(rpc.RpcConnectionError, unmade.to_here)
    # Whatever is done with an RRef whose making failed, it fails with that.
    for call in (
        unmade.rpc_sync().bit_length,
        lambda: unmade.rpc_async().bit_length().wait(),
        lambda: unmade.remote().bit_length().to_here(),
        lambda: rpc.rpc_sync("w0", add, args=(unmade, 1)),
        lambda: rpc.rpc_sync("w0", give, args=()),
    ):
        kept["unmade"] = unmade
        exc = raises(rpc.RpcConnectionError, call)
        assert exc.worker == "w1" and exc.code == "Unavailable", (exc.worker, exc.code)


def give():
    """Return an RRef whose making failed."""
    return kept["unmade"]


def check_shutdown_without():
    exc = raises(rpc.RpcConnectionError, rpc.shutdown)
    assert "worker w2 has left without joining" in str(exc), exc
    assert "shutdown(graceful=False) waits for nobody" in str(exc), exc
    assert exc.code == "Unavailable", exc.code
    exc = raises(rpc.RpcTimeoutError, rpc.shutdown, timeout=0.001)
    assert str(exc).startswith("RPCErr:1:RPC ran for more than set timeout (1 ms) and will now be marked with an error: "), exc
    assert str(exc).endswith("; shutdown(graceful=False) waits for nobody (shutdown())"), exc


def keep_own():
    kept["own"] = rpc.RRef(3)


def check_kept_is_closed():
    rref = kept.pop("own")
    for name, call in (("local_value", rref.to_here), ("local_value", rref.local_value), ("bit_length", rref.rpc_sync().bit_length)):
        exc = raises(RuntimeError, call)
        assert f"Cannot call {name}() on it after deletion." in str(exc) and "shut down" in str(exc), exc
    exc = raises(RuntimeError, rpc.rpc_sync, "w0", add, args=(rref, 1))
    assert "Cannot call fork an UserRRef after deletion." in str(exc) and "shut down" in str(exc), exc
    assert str(rref).startswith("OwnerRRef(")


class Account:
    def balance(self):
        return 5

    def close(self):
        return "closed"

    def __len__(self):
        return 1

    def __call__(self):
        return "called"


def echo(value):
    return value


def check_policy():
    assert rpc.rpc_sync("w1", math.sqrt, (4,)) == 2
    exc = raises(rpc.DeserializeError, rpc.rpc_sync, "w1", os.getpid)
    assert "posix:getpid is not on the allow-list" in str(exc), exc
    raises(rpc.DeserializeError, rpc.rpc_sync, "w1", math.sqrt, (os.getpid,))
    raises(rpc.DeserializeError, rpc.remote("w1", os.getpid).to_here)
    exc = raises(rpc.DeserializeError, rpc.remote("w1", os.getpid).rpc_sync().bit_length)  # at the owner
    assert "posix:getpid is not on the allow-list" in str(exc), exc
    account = rpc.remote("w1", Account)
    assert account.rpc_sync().balance() == 5
    exc = raises(Exception, account.rpc_sync().close)
    assert "parting:Account.close is not allowed: worker w0 may not call that method" in str(exc), exc
    exc = raises(Exception, account.rpc_sync()._invoke, "__setattr__", "x", 1)
    assert "Account.__setattr__ is not allowed" in str(exc), exc
    assert account.rpc_sync().__len__() == 1
    exc = raises(Exception, account.rpc_sync().__call__)
    assert "parting:Account.__call__ is not allowed: worker w0 may not call that method without the entry parting:Account.__call__" in str(exc), exc
    # The module is listed, and with it what it defines, but for special methods.
    listed = rpc.remote("w1", Listed)
    assert listed.rpc_sync().plain() == 1
    exc = raises(Exception, listed.rpc_sync().__call__)
    assert "listed:Listed.__call__ is not allowed" in str(exc), exc
    exc = raises(Exception, listed.rpc_sync().borrowed)
    assert "listed:Listed.borrowed is not allowed" in str(exc), exc
    exc = raises(Exception, listed.remote().borrowed)  # which asks first whether it may
    assert "listed:Listed.borrowed is not allowed" in str(exc), exc
    assert listed.remote().plain().to_here() == 1
    assert rpc.remote("w1", shadowed).rpc_sync().plain() == 1
    for function, args in ((_call_method, ("plain", (), {})), (_type_of_value, ()), (_check_value, ("plain",))):
        exc = raises(rpc.DeserializeError, rpc.rpc_sync, "w1", function, (Fake(), *args))
        assert "takes an RRef" in str(exc), exc
    assert rpc.rpc_sync("w1", echo, (account,)).owner_name() == "w1"
    assert rpc.rpc_sync("w1", echo, (rpc.get_worker_info(),)).name == "w0"
