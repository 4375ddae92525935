"""What functions raise is printed by w1, which prints it, and not by w0."""

import asyncio
import contextlib
import io
import threading
import time

import gopyrpc as rpc
from cases import raises


def fail(text):
    raise KeyError(text)


async def fail_later(text):
    await asyncio.sleep(0)
    raise KeyError(text)


@rpc.functions.async_execution
def fail_by_a_future(text):
    future = rpc.Future()
    threading.Timer(0, future.set_exception, (KeyError(text),)).start()
    return future


def returns(value):
    return value


class Unloadable:
    def __reduce__(self):
        return fail, ("unloadable",)


class Stderr(io.StringIO):
    """Tells when what is waited for has been printed."""

    def __init__(self):
        super().__init__()
        self.changed = threading.Condition()

    def write(self, text):
        with self.changed:
            super().write(text)
            self.changed.notify_all()

    def await_text(self, text):
        with self.changed:
            assert self.changed.wait_for(lambda: text in self.getvalue(), 60), self.getvalue()


def check():
    printed = Stderr()
    with contextlib.redirect_stderr(printed):
        raises(KeyError, rpc.rpc_sync, "w1", fail, args=("sync",))
        # The name is the process's: that of the worker that came last, of the two in this one.
        assert printed.getvalue().partition("\n")[2].startswith("KeyError('sync')\nTraceback (most recent call last):\n"), printed.getvalue()
        assert "printed.py" in printed.getvalue() and printed.getvalue().endswith("KeyError: 'sync'\n"), printed.getvalue()
        rpc.rpc_async("w1", fail, args=("nobody waits",))
        printed.await_text("KeyError('nobody waits')")
        rref = rpc.remote("w1", fail, args=("remote",))
        printed.await_text("KeyError('remote')")
        for n, function in enumerate((fail_later, fail_by_a_future)):
            rpc.rpc_async("w1", function, args=(f"later {n}",))
            printed.await_text(f"KeyError('later {n}')")
        rpc.rpc_async("w1", returns, args=(Unloadable(),))
        printed.await_text("KeyError: 'unloadable'")
        before = printed.getvalue()
        raises(KeyError, rref.to_here)
        raises(KeyError, rpc.rpc_sync, "w0", fail, args=("of w0",))
        raises(rpc.RpcTimeoutError, rpc.rpc_sync, "w1", interrupted, timeout=0.05)
        raises(KeyError, rpc.rpc_sync, "w1", fail, args=("the last one",))
        printed.await_text("KeyError('the last one')")
        after = printed.getvalue()[len(before):]
        assert after.count("Traceback") == 1, after


def interrupted():
    while True:
        time.sleep(0.001)
