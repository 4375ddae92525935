"""_run_function: every way in which a UDF can end, and what it leaves behind."""

import builtins
import io
import logging
import sys
import unittest
from unittest import mock

from gopyrpc import internal
from gopyrpc._module.handle import make_handle
from gopyrpc.internal import PythonUDF, RemoteException

from . import targets


def run(function, *args, **kwargs):
    return internal._run_function(PythonUDF(function, args, kwargs))


def break_builtins():
    builtins.__import__ = None
    builtins.isinstance = builtins.len = builtins.type = None


def clear_modules():
    sys.modules.clear()


class Outcomes(unittest.TestCase):
    def test_result(self):
        self.assertEqual(run(targets.add, 1, b=2), 3)
        self.assertIsNone(run(print, end="", file=io.StringIO()))
        value = object()
        self.assertIs(run(targets.echo, value), value)

    def test_exceptions_of_every_kind(self):
        for function, name in (
            (lambda: 1 / 0, "ZeroDivisionError"),
            (targets.exit_now, "SystemExit"),
            (targets.interrupt, "KeyboardInterrupt"),
            (targets.close_generator, "GeneratorExit"),
            (targets.recurse, "RecursionError"),
        ):
            result = run(function)
            self.assertIsInstance(result, RemoteException)
            self.assertEqual(result.type_name, name)
            self.assertEqual(sys.exc_info(), (None, None, None))

    def test_not_a_udf(self):
        good = (targets.add, (1,), {})
        for udf, text in (
            (5, "expected a PythonUDF, got int: 5"),
            (None, "expected a PythonUDF"),
            (good, "expected a PythonUDF, got tuple"),
            (RemoteException("x", KeyError), "expected a PythonUDF"),
            (AttributeError("mine"), "expected a PythonUDF, got AttributeError"),
            (PythonUDF(None, (), {}), "func is not callable"),
            (PythonUDF("f", (), {}), "func is not callable"),
            (PythonUDF(targets.add, 5, {}), "args must be a tuple"),
            (PythonUDF(targets.add, [1], {}), "args must be a tuple"),
            (PythonUDF(targets.add, None, {}), "args must be a tuple"),
            (PythonUDF(targets.add, (1,), None), "kwargs must be a dict"),
            (PythonUDF(targets.add, (1,), {1: 2}), "key"),
            (PythonUDF(targets.add, (1,), {"zz": 2}), "zz"),
        ):
            for result in (internal._run_function(udf), _through_handle(udf)):
                with self.subTest(text):
                    self.assertEqual(result.type_name, "TypeError")
                    if "key" != text:
                        self.assertIn(text, result.message)

    def test_same_shape_of_another_module_is_accepted(self):
        from collections import namedtuple

        other = namedtuple("PythonUDF", "func args kwargs")
        self.assertEqual(internal._run_function(other(targets.add, (1, 2), {})), 3)


def _through_handle(udf):
    handle = make_handle()
    return handle.deserialize(handle.run(handle.serialize(udf)[0]))


class Traces(unittest.TestCase):
    def test_prints_nothing_and_needs_no_stderr(self):
        closed = io.StringIO()
        closed.close()
        for stream in (closed, None, io.StringIO()):
            with mock.patch("sys.stderr", stream), mock.patch("sys.stdout", stream):
                result = run(targets.exit_now)
            self.assertEqual(result.type_name, "SystemExit")
        self.assertEqual(stream.getvalue(), "")

    def test_sys_last_is_untouched(self):
        names = ("last_type", "last_value", "last_traceback", "last_exc")
        before = [getattr(sys, name, None) for name in names]
        run(targets.recurse)
        self.assertEqual([getattr(sys, name, None) for name in names], before)

    def test_logs_at_debug_only(self):
        logger = logging.getLogger("gopyrpc.udf")
        with self.assertLogs(logger, "DEBUG") as logs:
            run(targets.exit_now)
        self.assertIn("SystemExit", logs.output[0])
        handler = mock.Mock(level=0)
        handler.handle.side_effect = SystemExit
        logger.addHandler(handler)
        self.addCleanup(logger.removeHandler, handler)
        with mock.patch.object(logger, "level", logging.DEBUG):
            logger.manager._clear_cache()
            self.assertIsInstance(run(targets.exit_now), RemoteException)
        logger.manager._clear_cache()
        handler.handle.assert_called_once()

    def test_context_variables_do_not_leak(self):
        token = targets.context.set("outside")
        self.addCleanup(targets.context.reset, token)
        handle = make_handle()
        data = handle.serialize(PythonUDF(targets.set_context, ("mine",), {}))[0]
        for _ in range(2):
            self.assertEqual(run(targets.set_context, "mine"), "unset")
            self.assertEqual(handle.deserialize(handle.run(data)), "unset")
            self.assertEqual(targets.context.get(), "outside")


class Vandals(unittest.TestCase):
    """A UDF that breaks the interpreter for itself must not break the next."""

    def setUp(self):
        modules, names = dict(sys.modules), dict(vars(builtins))
        self.addCleanup(sys.modules.update, modules)
        self.addCleanup(vars(builtins).update, names)
        self.handle = make_handle()
        self.data = self.handle.serialize(PythonUDF(targets.add, (1, 2), {}))[0]

    def next_calls_work(self):
        handle = self.handle
        self.assertEqual(handle.run(self.data)[-2:], b"\x03.")
        failing = handle.run(self.failing)
        result = handle.deserialize(failing)
        self.assertTrue(handle.is_remote_exception(result))
        try:
            handle.handle_exception(result)
        except KeyError as exc:
            return str(exc)

    def vandalize(self, function):
        serialize = self.handle.serialize
        broken = serialize(PythonUDF(function, (), {}))[0]
        self.failing = serialize(PythonUDF({}.__getitem__, ("k",), {}))[0]
        names, modules = dict(vars(builtins)), dict(sys.modules)
        try:
            self.handle.run(broken)
            text = self.next_calls_work()
        finally:
            vars(builtins).update(names)
            sys.modules.update(modules)
        self.assertEqual(text, "'k'")

    def test_builtins(self):
        # assert* need builtins as well, hence none until they are back.
        self.next_calls_work = self.bare_calls
        self.vandalize(break_builtins)

    def bare_calls(self):
        handle = self.handle
        if handle.run(self.data)[-2:] != b"\x03.":
            return "wrong result"
        result = handle.deserialize(handle.run(self.failing))
        try:
            handle.handle_exception(result)
        except KeyError as exc:
            return exc.__str__()

    def test_modules(self):
        self.vandalize(clear_modules)


if __name__ == "__main__":
    unittest.main()
