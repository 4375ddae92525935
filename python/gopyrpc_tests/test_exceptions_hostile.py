"""Failures that fight back: still delivered, as data where it cannot be otherwise."""

import builtins
import io
import pickle
import sys
import types
import unittest
from unittest import mock

from gopyrpc import internal
from gopyrpc._exceptions import capture
from gopyrpc._exceptions.rebuild import rebuild
from gopyrpc.internal import PythonUDF, RemoteError, RemoteException

from . import targets
from .test_exceptions import over_the_wire, raised, raised_by, remote, throw


class Hostile(unittest.TestCase):
    """What cannot be rebuilt is still delivered, as data."""

    def check(self, exc, name, text=None):
        got = raised_by(exc)
        self.assertIs(type(got), RemoteError)
        self.assertEqual(got.type_name, name)
        if text is not None:
            self.assertEqual(got.message, text)
        self.assertTrue(got.remote_traceback)
        self.assertTrue(got.reason)
        pickle.loads(pickle.dumps(got))
        return got

    def test_not_exceptions_of_ours_to_raise(self):
        for function, name in (
            (targets.exit_now, "SystemExit"),
            (targets.interrupt, "KeyboardInterrupt"),
            (targets.close_generator, "GeneratorExit"),
        ):
            got = raised(function)
            self.assertIs(type(got), RemoteError)
            self.assertEqual(got.type_name, name)
        self.check(targets.OwnBase("x"), targets.__name__ + ".OwnBase", "x")

    def test_local_class(self):
        class Local(Exception):
            pass

        got = self.check(Local("x"), f"{__name__}.{Local.__qualname__}", "x")
        self.assertIn("local", got.reason)
        self.assertEqual(got.mro[-2:], ("builtins.BaseException", "builtins.object"))
        self.assertIn("builtins.Exception", got.mro)

    def test_class_or_module_missing_on_the_caller(self):
        result = remote(throw, targets.OneArg("x"))
        with mock.patch.object(targets, "OneArg", None):
            self.assertIs(over_the_wire(result).exception_type, RemoteError)
            self.assertIs(type(over_the_wire(result).to_exception()), RemoteError)
        module = types.ModuleType("gone_module")
        exec("class Gone(Exception): pass", vars(module))
        sys.modules["gone_module"] = module
        result = internal._run_function(PythonUDF(throw, (module.Gone("a", 1),), {}))
        data, tensors = internal.serialize(result)
        del sys.modules["gone_module"]
        with self.assertRaises(RemoteError) as caught:
            internal._handle_exception(internal.deserialize(data, tensors))
        self.assertEqual(caught.exception.args_repr, "('a', 1)")
        self.assertIn("gone_module", caught.exception.reason)

    def test_argument_class_missing_on_the_caller(self):
        result = remote(throw, ValueError(targets.Point(1, 2)))
        with mock.patch.object(targets, "Point", None):
            got = result.to_exception()
        self.assertIs(type(got), RemoteError)
        self.assertIn("Point", got.args_repr)

    def test_unpicklable_arguments_travel_as_text(self):
        exc = ValueError("a", lambda: None)
        exc.lock = targets.make_unpicklable()
        exc.fine = 1
        got = raised_by(exc)
        self.assertIs(type(got), ValueError)
        self.assertEqual(got.args[0], "a")
        self.assertIn("<lambda>", repr(got.args[1]))
        self.assertEqual(got.fine, 1)
        got = raised_by(ValueError(targets.RaisesOnDump(SystemExit(3))))
        self.assertIs(type(got), ValueError)

    def test_argument_that_exits_when_loaded(self):
        got = raised_by(ValueError(targets.RaisesOnLoad(SystemExit(3))))
        self.assertIs(type(got), RemoteError)
        self.assertIn("SystemExit", got.reason)

    def test_broken_text(self):
        for exc in (
            targets.BadRepr("x"),
            targets.BadStr("x"),
            targets.StrExits("x"),
            targets.StrReturnsInt("x"),
        ):
            with self.subTest(type(exc).__name__):
                got = raised_by(exc)
                self.assertIs(type(got), type(exc))
                self.assertEqual(got.args, ("x",))
        self.assertIn("failed with ValueError", remote(throw, targets.BadStr()).message)

    def test_hostile_attributes(self):
        got = raised_by(targets.HostileAttributes("x"))
        self.assertIs(type(got), targets.HostileAttributes)

    def test_module_name_that_is_no_text(self):
        got = raised_by(targets.HidesItsModule("x"))
        self.assertIs(type(got), RemoteError)
        self.assertEqual(got.type_name, "HidesItsModule")

    def test_unicode_errors_that_point_outside_of_their_object(self):
        """CPython's str() of them would read memory that is not theirs."""
        low = -(1 << 40)
        for exc, update in (
            (UnicodeDecodeError("utf-8", b"a", 0, 1, "x"), {"args": ("utf-8", b"a", low, low + 1, "x")}),
            (UnicodeEncodeError("utf-8", "a", 0, 1, "x"), {"args": ("utf-8", "a", low, low + 1, "x")}),
            (UnicodeTranslateError("a", 0, 1, "x"), {"args": ("a", low, low + 1, "x")}),
            (UnicodeDecodeError("utf-8", b"a", 0, 1, "x"), {"state": {"object": [1] * 99, "start": 90, "end": 91}}),
            (UnicodeEncodeError("utf-8", "a", 0, 1, "x"), {"state": {"object": 1 << 999}}),
            (UnicodeDecodeError("utf-8", b"a", 0, 1, "x"), {"own_init": True, "state": {"object": "a", "end": 1}}),
        ):
            with self.subTest(type(exc).__name__, **update):
                result = remote(throw, exc)
                result.record["errors"][0].update(
                    {k: v if k == "own_init" else pickle.dumps(v) for k, v in update.items()}
                )
                got = over_the_wire(result).to_exception()
                self.assertIs(type(got), RemoteError)
                self.assertTrue(str(got))
        got = over_the_wire(remote(throw, UnicodeDecodeError("utf-8", b"", 0, 1, "x"))).to_exception()
        self.assertIs(type(got), UnicodeDecodeError)

    def test_what_cpython_would_iterate_or_convert(self):
        class Asked:
            def __iter__(self):
                raise AssertionError("nobody may ask")

            __index__ = __len__ = __getitem__ = __iter__

        many = range(1 << 40)  # of which a tuple would take 32 TiB
        for name, args, state in (
            ("SyntaxError", ("m", many), None),
            ("TabError", ("m", Asked()), None),
            ("ExceptionGroup", ("m", many), None),
            ("UnicodeDecodeError", ("m", memoryview(b"x"), 0, 1, "r"), None),
            ("UnicodeEncodeError", ("m", "x", Asked(), 1, "r"), None),
            ("BlockingIOError", (1, "m", Asked()), None),
            ("BlockingIOError", (1, "m"), {"characters_written": Asked()}),
            ("ValueError", ("m",), {"args": many}),
            ("ValueError", ("m",), {"__notes__": many}),
        ):
            error = {"module": "builtins", "qualname": name, "text": "m", "repr": "m", "args": args, "state": state}
            record = {"worker": "w", "errors": [error], "truncated": False}
            got = rebuild(record, lambda part: part, lambda module, name: True)
            self.assertIs(type(got), RemoteError, (name, args, state))
            if hasattr(builtins, name):
                self.assertRegex(got.reason, "TypeError: .*(from a peer|of an exception)")

    def test_pretender(self):
        """A peer's type name must not lead to a call."""
        result = remote(throw, ValueError("x"))
        for module, name in (
            ("builtins", "print"),
            ("os", "system"),
            ("builtins", "int"),
            ("builtins", "no such"),
            ("os", "path.join.__globals__"),
            ("builtins", "SystemExit"),
            ("", ""),
            ("..", "x"),
            ("nul\0", "x"),
        ):
            with self.subTest(f"{module}:{name}"):
                result.record["errors"][0].update(module=module, qualname=name)
                with mock.patch("builtins.print") as printed:
                    got = over_the_wire(result).to_exception()
                self.assertIs(type(got), RemoteError)
                printed.assert_not_called()
                over_the_wire(result).exception_type

    def test_malformed_records(self):
        for record in (
            None,
            {},
            {"errors": [], "worker": "w"},
            {"errors": [{}], "worker": "w"},
            {"errors": [{"module": 1, "qualname": [], "text": None}], "worker": 3},
        ):
            with self.subTest(repr(record)):
                value = internal._remote_exception(record)
                with self.assertRaises(RemoteError):
                    internal._handle_exception(value)
        result = remote(throw, ValueError("x"))
        result.record["errors"][0].update(cause=99)
        self.assertIs(type(result.to_exception()), RemoteError)


class HandMade(unittest.TestCase):
    """RemoteException(msg, exception_type), as torch's users write it."""

    def test_works_as_torchs(self):
        value = RemoteException("text", KeyError)
        self.assertEqual((value.msg, value.exception_type), ("text", KeyError))
        msg, cls = value
        self.assertEqual((msg, cls), ("text", KeyError))
        for value in (value, over_the_wire(value)):
            self.assertEqual(value.msg, "text")
            with self.assertRaises(KeyError) as caught:
                internal._handle_exception(value)
            self.assertEqual(caught.exception.args, ("text",))
        self.assertEqual(value, RemoteException("text", KeyError))

    def test_local_class_is_known_on_this_side(self):
        class Local(Exception):
            pass

        with self.assertRaises(Local):
            internal._handle_exception(RemoteException("x", Local))

    def test_not_an_exception_class(self):
        for cls in (print, SystemExit, KeyboardInterrupt, int, None, 5, "KeyError"):
            for value in (
                RemoteException("x", cls),
                over_the_wire(RemoteException("x", cls)),
            ):
                with mock.patch("sys.stdout", io.StringIO()) as out:
                    with self.assertRaises(RemoteError) as caught:
                        internal._handle_exception(value)
                self.assertEqual(out.getvalue(), "")
                self.assertEqual(caught.exception.message, "x")

    def test_message_that_is_no_text(self):
        with self.assertRaises(KeyError):
            internal._handle_exception(over_the_wire(RemoteException(5, KeyError)))

    def test_subclass_is_raised_and_travels(self):
        class Sub(RemoteException):
            pass

        for value in (Sub("x", KeyError), over_the_wire(Sub("x", KeyError))):
            with self.assertRaises(KeyError):
                internal._handle_exception(value)

    def test_values_are_not_raised(self):
        for value in (1, None, [RemoteException("x", KeyError)], ValueError("v")):
            self.assertIsNone(internal._handle_exception(value))
        # A UDF that returns one, though, has failed on purpose.
        value = remote(targets.echo, RemoteException("x", KeyError))
        with self.assertRaises(KeyError):
            internal._handle_exception(value)


class MemoryRunsOut(unittest.TestCase):
    def test_traceback_is_given_up(self):
        def fails():
            hoard = Hoard()  # noqa: F841 - lives as long as the frame does
            raise MemoryError("m")

        def describe(exc, original=capture._describe):
            if alive:
                raise MemoryError
            return original(exc)

        class Hoard:
            def __init__(self):
                alive.append(self.__class__)

            def __del__(self):
                alive.clear()

        alive = []
        with mock.patch.object(capture, "_describe", describe):
            result = internal._run_function(internal.PythonUDF(fails, (), {}))
        with self.assertRaisesRegex(MemoryError, "m"):
            internal._handle_exception(result)
        self.assertEqual(alive, [])


if __name__ == "__main__":
    unittest.main()
