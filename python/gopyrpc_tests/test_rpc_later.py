"""What a call waits for after its function has returned."""

import asyncio
import concurrent.futures
import functools
import threading
import unittest

from gopyrpc._exceptions.remote import RemoteException
from gopyrpc._rpc.foreign import as_future
from gopyrpc._rpc.future import Future
from gopyrpc._rpc.later import Later, later
from gopyrpc.functions import async_execution
from gopyrpc.internal import NotAFuture


def function():
    """Anything."""


class Methods:
    @async_execution
    def marked(self):
        """Anything."""


marked = async_execution(function)


class WhatIsWaitedFor(unittest.TestCase):
    def test_futures_of_marked_functions(self):
        future = Future()
        for func in (marked, Methods().marked, functools.partial(marked), functools.partial(functools.partial(marked), 1)):
            self.assertIs(later(func, future).future, future)
        for func in (function, None, functools.partial(function)):
            self.assertIs(later(func, future), future)

    def test_coroutines(self):
        async def value():
            return 1

        for func in (marked, function):
            coroutine = value()
            made = later(func, coroutine)
            coroutine.close()
            self.assertIs(type(made), Later)

    def test_what_is_no_future(self):
        for value, name in ((None, "builtins.NoneType"), (5, "builtins.int"), ([], "builtins.list")):
            self.assertIs(later(function, value), value)
            with self.assertRaisesRegex(
                NotAFuture, rf"^Functions decorated with @rpc\.async_function must return a torch\.futures\.Future object, but got {name}: "
            ) as raised:
                later(marked, value)
            self.assertIsInstance(raised.exception, RuntimeError)
            self.assertIsInstance(raised.exception, TypeError)

    def test_failures(self):
        failure = RemoteException("text", KeyError)
        self.assertIs(later(marked, failure), failure)


class OthersFutures(unittest.TestCase):
    def test_concurrent(self):
        other = concurrent.futures.Future()
        future = later(marked, other).future
        self.assertFalse(future.done())
        other.set_result(1)
        self.assertEqual(future.value(), 1)
        other = concurrent.futures.Future()
        other.set_exception(KeyError("x"))
        with self.assertRaises(KeyError):
            as_future(other).value()
        other = concurrent.futures.Future()
        other.cancel()
        with self.assertRaises(concurrent.futures.CancelledError):
            as_future(other).value()

    def test_asyncio(self):
        """Its loop runs in another thread, which alone may touch it."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            for set_outcome in (lambda f: f.set_result(1), lambda f: f.set_exception(KeyError("x")), lambda f: f.cancel()):
                other = loop.create_future()
                future = as_future(other)
                loop.call_soon_threadsafe(set_outcome, other)
                try:
                    self.assertEqual(future.wait(60), 1)
                except KeyError as exc:
                    self.assertEqual(exc.args, ("x",))
                except asyncio.CancelledError:
                    self.assertTrue(other.cancelled())
                self.assertEqual(as_future(other).exception() is None, other.done() and not other.cancelled() and not other.exception())
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


if __name__ == "__main__":
    unittest.main()
