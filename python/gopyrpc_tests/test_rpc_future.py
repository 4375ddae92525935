"""A Future's outcome is read by whoever wants it first, and is everybody's."""

import pickle
import threading
import unittest
from unittest import mock

from gopyrpc._rpc import future as futures
from gopyrpc._errors import describe_unpickling

Interrupted = type("Interrupted", (BaseException,), {"__module__": "gopyrpc"})


def delivered(reply, kind=futures.Future):
    future = kind()
    future._deliver(reply, None, [])
    return future


class Reading(unittest.TestCase):
    def reads(self, function):
        patch = mock.patch.object(futures, "_read", lambda host, reply: function(reply))
        patch.start()
        self.addCleanup(patch.stop)

    def test_once(self):
        read = []
        self.reads(lambda reply: read.append(reply) or reply.upper())
        future = delivered("value")
        self.assertEqual(read, [])
        self.assertEqual((future.wait(), future.value()), ("VALUE", "VALUE"))
        self.assertEqual(read, ["value"])

    def test_what_fails_is_the_outcome(self):
        failure = KeyError("no")

        def fails(reply):
            raise failure

        self.reads(fails)
        future = delivered("value")
        for _ in range(2):
            with self.assertRaises(KeyError) as raised:
                future.wait()
            self.assertIs(raised.exception, failure)

    def test_an_interruption_is_not(self):
        """It is of the call that reads; others read it then."""

        def unreadable(exc):
            try:
                raise describe_unpickling(exc) from exc
            except Exception as described:
                return described

        for interruption in (Interrupted(), unreadable(Interrupted())):
            outcomes = [interruption, "value"]

            def read(reply):
                outcome = outcomes.pop(0)
                if outcome == "value":
                    return outcome
                raise outcome

            self.reads(read)
            future = delivered("raw")
            with self.assertRaises(type(interruption)):
                future.wait()
            self.assertEqual(future.wait(), "value")

    def test_who_waits_for_an_interrupted_reader_reads(self):
        reading, go_on = threading.Event(), threading.Event()
        readers = []

        def read(reply):
            readers.append(threading.current_thread().name)
            if len(readers) > 1:
                return "value"
            reading.set()
            go_on.wait()
            raise Interrupted

        self.reads(read)
        future = delivered("raw", futures.PlainFuture)  # a thread of its own reads for what may wait in torch, see _leave_unread
        seen = []

        def interrupted():
            try:
                future.wait()
            except Interrupted:
                seen.append("interrupted")

        first = threading.Thread(target=interrupted, name="first")
        first.start()
        self.assertTrue(reading.wait(60))
        second = threading.Thread(target=lambda: seen.append(future.wait()), name="second")
        second.start()
        while not future._events:  # that the second one waits for
            pass
        go_on.set()
        first.join()
        second.join()
        self.assertEqual(sorted(seen), ["interrupted", "value"])
        self.assertEqual(readers, ["first", "second"])


class Outcomes(unittest.TestCase):
    def test_the_class_of_a_future(self):
        future = futures.Future()
        self.assertIsInstance(future, futures.Future)
        self.assertEqual((type(future).__module__, type(future).__qualname__), ("gopyrpc", "Future"))

    def test_a_programs_own_class(self):
        class Own(futures.Future):
            """As a program has it."""

        future = Own()
        future.extra = 1
        future.set_result(2)
        self.assertEqual((future.wait(), type(future)), (2, Own))

    def test_only_exceptions_are_raised(self):
        for kind in (AssertionError, TypeError):
            with self.assertRaisesRegex(kind, "^text is of type <class 'str'>, not an Exception.$"):
                futures.Future().set_exception("text")

    def test_once(self):
        future = futures.Future()
        with self.assertRaises(RuntimeError):
            future.value()
        future.set_result(1)
        with self.assertRaisesRegex(RuntimeError, "Future can only be marked completed once"):
            future.set_result(2)

    def test_what_a_callback_raises(self):
        future = futures.Future()
        following = future.then(lambda a, b: None)
        raised = KeyError("x")

        def raises(_):
            raise raised

        second = future.then(raises)
        future.set_result(1)
        with self.assertRaisesRegex(
            RuntimeError, r"^Got the following error when running the callback: TypeError: .*missing 1 required positional argument: 'b'$"
        ):
            following.wait()
        with self.assertRaises(RuntimeError) as failed:
            second.wait()
        self.assertIs(failed.exception.__cause__, raised)

    def test_what_a_done_callback_raises_is_logged(self):
        future = futures.Future()
        future.set_result(1)
        with self.assertLogs("gopyrpc", "ERROR") as logged:
            future.add_done_callback(lambda f: f.value() / 0)
        self.assertIn("Got the following error when running the callback of ", logged.output[0])
        self.assertIn("ZeroDivisionError: division by zero", logged.output[0])

    def test_what_is_no_callback(self):
        for name in ("then", "add_done_callback"):
            with self.assertRaisesRegex(TypeError, rf"^{name}\(\): incompatible function arguments\. A callback must be callable, not None$"):
                getattr(futures.Future(), name)(None)

    def test_no_pickle(self):
        with self.assertRaisesRegex(TypeError, r"Can not pickle (gopyrpc|torch\.futures)\.Future: send its value"):
            pickle.dumps(futures.Future())


if __name__ == "__main__":
    unittest.main()
