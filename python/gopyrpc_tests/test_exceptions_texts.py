"""What people read of a failure: what to do, their own frames, and nothing twice."""

import logging
import sys
import threading
import unittest
from unittest import mock

from gopyrpc import internal
from gopyrpc._rpc.errors import RpcTimeoutError, failure
from gopyrpc.internal import DeserializeError, PythonUDF, SerializeError

from . import targets
from .test_exceptions import raised, remote
from .wire import call

BY_NAME = "functions and classes travel by name"


def make_local():
    class Local:
        pass

    return Local


class Replaced:
    pass


Former = Replaced


class Replaced:  # noqa: F811 - Former's name leads elsewhere
    pass


anonymous = lambda: 0  # noqa: E731


def fail_in_ours():
    internal.serialize(anonymous)


def fail_through_ours():
    """Be called by the package, as well as call it."""
    result = internal._run_function(PythonUDF(fail_in_ours, (), {}))
    internal._handle_exception(result)


def files_of(result):
    return [frame[2] for frame in result.frames]


class Hints(unittest.TestCase):
    def test_what_has_no_name_to_travel_by(self):
        for what in (anonymous, make_local(), make_local()(), (lambda: lambda: 0)(), Former, Former()):
            with self.subTest(repr(what)), self.assertRaisesRegex(SerializeError, BY_NAME):
                internal.serialize(what)

    def test_not_where_it_is_something_else(self):
        for what in (threading.Lock(), targets.RaisesOnDump(AttributeError("no attribute x")), sys):
            with self.subTest(repr(what)), self.assertRaises(SerializeError) as caught:
                internal.serialize(what)
            self.assertNotIn(BY_NAME, str(caught.exception))

    def test_a_name_that_is_not_there(self):
        data, _ = internal.serialize(targets.Point)
        with mock.patch.object(targets, "Point"):
            del targets.Point
            with self.assertRaisesRegex(DeserializeError, BY_NAME):
                internal.deserialize(data)
            targets.Point = None


class Overdue(unittest.TestCase):
    def test_texts_of_peers(self):
        words = "RPC ran for more than set timeout"
        for text, has in (
            (words + " (80 ms) and will now be marked with an error: x", "(100 ms) and will now be marked with an error: x"),
            ("it took (5 or 6 ms) and will now be marked with an error", "(100 ms) and will now be marked with an error: it took (5"),
            (words + " (many ms) and will now be marked with an error", "(100 ms) and will"),
            (f"asking w2: {words} (80 ms) and will now be marked with an error: x", "with an error: x: asking w2 (f at"),
            ("other (80 ms) and will now be marked with an error", "an error: other (80 ms)"),
        ):
            got = failure("DeadlineExceeded", "w", True, text, "f", 0.1)
            self.assertIs(type(got), RpcTimeoutError)
            self.assertTrue(str(got).startswith(f"RPCErr:1:{words} (100 ms) and will now be marked with an error"), got)
            self.assertIn(has, str(got))


class Frames(unittest.TestCase):
    def test_the_packages_own_are_left_out(self):
        for function, want in ((fail_in_ours, ["fail_in_ours"]), (fail_through_ours, ["fail_through_ours"])):
            result = remote(function)
            self.assertEqual(files_of(result), want)
            self.assertNotIn("gopyrpc/_", result.msg.replace("\\", "/"))

    def test_of_a_failure_in_the_package_alone(self):
        result = remote(anonymous.__class__)  # a TypeError of the call itself
        self.assertEqual(result.frames, ())

    def test_all_are_there_for_who_debugs(self):
        logger = logging.getLogger("gopyrpc.udf")
        self.addCleanup(logger.setLevel, logger.level)
        logger.setLevel(logging.DEBUG)
        with self.assertLogs(logger, logging.DEBUG) as logs:
            result = remote(fail_in_ours)
        self.assertIn("serialize", files_of(result))
        self.assertIn("_pickling", result.msg)
        self.assertIn("fail_in_ours", logs.output[0])

    def test_not_callable_is_said_once(self):
        got = raised(3.5)
        self.assertRegex(str(got), "PythonUDF.func is not callable: float: 3.5")
        self.assertNotIn("During handling", got.__gopyrpc_remote__.msg)
        with self.assertRaisesRegex(TypeError, "is not callable"):
            call(3.5)


if __name__ == "__main__":
    unittest.main()
