"""Cases 39 to 68: what a UDF returns, and payloads that name what is not there."""

import collections
import datetime
import decimal
import functools
import operator
import pickle
import sys
import threading
import types
import unittest
from unittest import mock

from gopyrpc.internal import (
    DeserializeError,
    PythonUDF,
    RemoteError,
    RemoteException,
    SerializeError,
    serialize,
)

from . import case_targets, targets
from .case_targets import echo
from .wire import call, handle, raised, receive, send, without


def generate():
    yield 1


def make_lock():
    return threading.Lock()


def make_generator():
    return generate()


class Values(unittest.TestCase):
    def test_case_039_no_pickled_form(self):
        for function, text in ((targets.make_unpicklable, "lambda"),
                               (make_generator, "generator"), (make_lock, "lock")):
            with self.assertRaisesRegex(SerializeError, text):
                send(function)

    def test_case_041_047_exception_instances_are_values(self):
        for exc in (ValueError("v"), AttributeError("a"), SystemExit(3)):
            got = call(echo, exc)
            self.assertEqual((type(got), got.args), (type(exc), exc.args))

    def test_case_042_returned_remote_exception_is_raised(self):
        self.assertIs(type(raised(echo, RemoteException("m", KeyError))), KeyError)

    def test_case_043_not_in_a_list(self):
        self.assertEqual(call(echo, [RemoteException("m", KeyError)])[0].msg, "m")

    def test_case_044_to_046_forged_remote_exceptions(self):
        self.assertIs(type(raised(echo, RemoteException("zz", OverflowError))), OverflowError)
        for cls in (SystemExit, KeyboardInterrupt, print, 5):
            with mock.patch("builtins.print") as printed:
                got = raised(echo, RemoteException("zz", cls))
            self.assertIs(type(got), RemoteError)
            self.assertEqual(got.message, "zz")
            printed.assert_not_called()
        got = raised(echo, RemoteException(5, KeyError))
        self.assertEqual((type(got), got.args), (KeyError, ("5",)))

    def test_case_048_result_class_missing_at_the_caller(self):
        result = send(case_targets.make_point)
        with without(targets, "Point"):
            with self.assertRaisesRegex(DeserializeError, "Point.*top level"):
                receive(result)

    def test_case_050_053_module_missing(self):
        module = types.ModuleType("callee_only")
        exec("class Thing: pass\ndef f(): return Thing()", vars(module))
        with mock.patch.dict(sys.modules, callee_only=module):
            payload, _ = handle.serialize(PythonUDF(module.f, (), {}))
            result = handle.run(payload)
        with self.assertRaisesRegex(DeserializeError, "'callee_only' must be importable"):
            receive(result)
        with self.assertRaisesRegex(DeserializeError, "'callee_only' must be importable"):
            handle.run(payload)

    def test_case_051_052_name_missing_at_the_callee(self):
        for udf, name in ((PythonUDF(targets.add, (), {}), "add"),
                          (PythonUDF(echo, (targets.Point(1, 2),), {}), "Point")):
            payload = handle.serialize(udf)[0]
            with without(targets, name):
                with self.assertRaisesRegex(DeserializeError, f"{name}.*top level"):
                    handle.run(payload)

    def test_case_055_056_not_sendable_arguments(self):
        for udf in (PythonUDF(lambda: 1, (), {}), PythonUDF(echo, (lambda: 1,), {}),
                    PythonUDF(echo, (targets.RaisesOnDump(RuntimeError("r")),), {})):
            with self.assertRaises(SerializeError):
                handle.serialize(udf)

    def test_case_057_to_059_setstate_that_raises(self):
        for exc in (RuntimeError("setstate"), AttributeError("no such"), KeyboardInterrupt("k")):
            payload, _ = handle.serialize(PythonUDF(echo, (targets.RaisesOnLoad(exc),), {}))
            with self.assertRaisesRegex(DeserializeError, type(exc).__name__) as caught:
                handle.run(payload)
            self.assertNotIn("top level", str(caught.exception))

    def test_case_060_module_name_that_is_no_text(self):
        for module in (None, 5):
            self.addCleanup(setattr, case_targets.OddModule, "__module__", case_targets.__name__)
            try:
                result = send(case_targets.make_odd, module)
            except SerializeError:
                continue  # pickle's own view of it differs between versions
            self.assertIsInstance(receive(result), case_targets.OddModule)

    def test_case_061_values(self):
        for value in (echo, len, dict, targets.Point(1, 2), targets.Colour.RED,
                      decimal.Decimal("1.5"), {1}, range(3), Ellipsis, 2**200, "a\ud800b",
                      b"a\0b", PythonUDF(echo, (), {}), targets.Point.origin,
                      collections.Counter("a"), datetime.timedelta(1)):
            self.assertEqual(call(echo, value), value)
        self.assertEqual(call(echo, functools.partial(targets.add, 1))(2), 3)
        self.assertEqual(call(echo, operator.methodcaller("upper"))("a"), "A")
        loop = []
        loop.append(loop)
        got = call(echo, loop)
        self.assertIs(got[0], got)

    def test_case_062_063_local_failures(self):
        deep = []
        for _ in range(100_000):
            deep = [deep]
        with open(__file__, "rb") as file:
            for value in (memoryview(b""), file, sys._getframe(), sys, deep):
                with self.assertRaises(SerializeError):
                    serialize(value)
        while deep:
            deep = deep.pop()

    def test_case_064_any_callable_without_an_allow_list(self):
        self.assertEqual(call(eval, "1+1"), 2)

    def test_case_065_067_bad_calls(self):
        for udf, text in (
            (PythonUDF(None, (), {}), "func is not callable"),
            (PythonUDF(5, (), {}), "func is not callable"),
            (PythonUDF(echo, (1,), {1: 2}), "keywords must be strings|key"),
            (PythonUDF(echo, 5, {}), "args must be a tuple"),
            (PythonUDF(echo, (1,), None), "kwargs must be a dict"),
        ):
            with self.assertRaisesRegex(TypeError, text):
                receive(handle.run(pickle.dumps(udf)))

    def test_case_081_to_085_futures_are_no_results(self):
        try:
            import torch  # noqa: F401
        except ImportError:  # or it was built for another Python
            self.skipTest("torch is not installed for this Python")
        # Unless awaited, which is the agent's business, a future has no outcome.
        with self.assertRaisesRegex(SerializeError, "[Ff]uture"):
            send(make_future)


def make_future():
    import torch

    future = torch.futures.Future()
    future.set_exception(KeyError("failed"))
    return future


if __name__ == "__main__":
    unittest.main()
