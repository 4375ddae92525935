"""wait_all and collect_all: the first failure ends both."""

import threading
import unittest

from gopyrpc._rpc.future import Future
from gopyrpc._rpc.gather import collect_all, wait_all


def done(value):
    future = Future()
    future.set_result(value)
    return future


def failed(exc):
    future = Future()
    future.set_exception(exc)
    return future


class Gather(unittest.TestCase):
    def in_a_thread(self, function, *args):
        """Return a function that waits for *function* to end, in a thread, and returns or raises its outcome."""
        outcome = Future()

        def run():
            try:
                outcome.set_result(function(*args))
            except BaseException as exc:
                outcome.set_exception(exc)

        thread = threading.Thread(target=run)
        thread.start()

        def ended():
            thread.join(60)
            return outcome.value()

        return ended

    def await_waiters(self, *futures):
        while not all(future._events for future in futures):
            pass

    def test_values(self):
        self.assertEqual(wait_all([]), [])
        self.assertEqual(wait_all(done(n) for n in range(3)), [0, 1, 2])
        self.assertEqual(collect_all([]).value(), [])
        futures = [done(1), done(2)]
        self.assertEqual(collect_all(futures).value(), futures)

    def test_those_that_come_later(self):
        for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
            futures = [Future() for _ in range(3)]
            collected = collect_all(futures)
            ended = self.in_a_thread(wait_all, futures)
            self.await_waiters(*futures)
            for n in order:
                self.assertFalse(collected.done())
                futures[n].set_result(n)
            self.assertEqual(ended(), [0, 1, 2])
            self.assertEqual(collected.value(), futures)

    def test_the_first_failure_ends(self):
        futures = [Future() for _ in range(3)]
        collected = collect_all(futures)
        ended = self.in_a_thread(wait_all, futures)
        self.await_waiters(*futures)
        futures[1].set_result(1)
        futures[2].set_exception(KeyError("first"))
        for wait in (ended, collected.value):
            with self.assertRaisesRegex(KeyError, "first"):
                wait()
        futures[0].set_exception(KeyError("second"))
        with self.assertRaisesRegex(KeyError, "first"):
            collected.value()

    def test_nobody_waits_for_others_where_one_has_failed(self):
        never = Future()
        for futures in ([never, failed(KeyError("x"))], [failed(KeyError("x")), never]):
            with self.assertRaises(KeyError):
                wait_all(futures)
            with self.assertRaises(KeyError):
                collect_all(futures).value()

    def test_nothing_is_left_behind(self):
        never = Future()
        with self.assertRaises(KeyError):
            wait_all([never, failed(KeyError("x"))])
        self.assertEqual(never._events, [])

    def test_the_same_twice(self):
        future = Future()
        ended = self.in_a_thread(wait_all, [future, future])
        self.await_waiters(future)
        future.set_result(1)
        self.assertEqual(ended(), [1, 1])

    def test_what_is_no_future(self):
        for function in (wait_all, collect_all):
            with self.assertRaisesRegex(TypeError, "expected a Future of gopyrpc, torch, asyncio or concurrent.futures, got int"):
                function([1])


if __name__ == "__main__":
    unittest.main()
