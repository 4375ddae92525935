"""What a failing UDF looks like to its caller: every exception must get through."""

import io
import pickle
import sys
import traceback
import types
import unittest
from unittest import mock

from pyrpc import internal
from pyrpc.internal import PythonUDF, RemoteError, RemoteException

from . import targets


def over_the_wire(obj):
    return internal.deserialize(*internal.serialize(obj))


def remote(function, *args):
    """Run *function* as a UDF and return its result as the caller gets it."""
    result = internal._run_function(PythonUDF(function, args, {}))
    return over_the_wire(result)


def raised(function, *args):
    """Return the exception that the caller of *function* gets."""
    result = remote(function, *args)
    assert isinstance(result, RemoteException), result
    try:
        internal._handle_exception(result)
    except Exception as exc:
        return exc
    raise AssertionError("nothing was raised")


def throw(exc):
    raise exc


def raised_by(exc):
    return raised(throw, exc)


class TrueExceptions(unittest.TestCase):
    def test_builtin_types_keep_type_args_and_text(self):
        for exc in (
            ValueError("hello"),
            TypeError("t"),
            KeyError("key"),
            KeyError("a", 2),
            IndexError(),
            ZeroDivisionError("z"),
            AttributeError("a"),
            NotImplementedError("n"),
            MemoryError("m"),
            TimeoutError("t"),
            AssertionError("a"),
            StopIteration(7),
            RecursionError("r"),
            FileNotFoundError(2, "No such file", "/x"),
            OSError(2, "No such file", "a", None, "b"),
            UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
            UnicodeEncodeError("ascii", "\xe9", 0, 1, "bad"),
            SyntaxError("msg", ("f.py", 1, 2, "text")),
            ImportError("no", name="n", path="p"),
        ):
            with self.subTest(repr(exc)):
                got = raised_by(exc)
                self.assertIs(type(got), type(exc))
                self.assertEqual(got.args, exc.args)
                self.assertEqual(str(got), str(exc))
                self.assertEqual(repr(got), repr(exc))

    def test_fields_kept_in_c(self):
        got = raised(open, "/no/such/file")
        self.assertEqual((got.errno, got.filename), (2, "/no/such/file"))
        got = raised(lambda: b"\xff".decode())
        self.assertEqual((got.object, got.start, got.end), (b"\xff", 0, 1))
        got = raised_by(ImportError("no", name="n", path="p"))
        self.assertEqual((got.name, got.path), ("n", "p"))
        self.assertEqual(raised_by(StopIteration(7)).value, 7)

    def test_custom_classes(self):
        got = raised_by(targets.OneArg("x"))
        self.assertIs(type(got), targets.OneArg)
        got = raised_by(targets.TwoArgs(4, "gone"))
        self.assertIs(type(got), targets.TwoArgs)
        self.assertEqual((got.code, str(got)), (4, "4: gone"))
        got = raised_by(targets.KeywordOnly(code=5))
        self.assertIs(type(got), targets.KeywordOnly)
        self.assertEqual(got.code, 5)
        self.assertIs(type(raised_by(targets.Nested.Inner())), targets.Nested.Inner)

    def test_no_user_constructor_runs(self):
        exc = targets.CountsInits("a", 1)
        exc.extra = [1, 2]
        before = targets.CountsInits.inits
        got = raised_by(exc)
        self.assertEqual(targets.CountsInits.inits, before)
        self.assertEqual((got.args, got.extra), (("a", 1), [1, 2]))

    def test_cause_chain(self):
        def f():
            try:
                try:
                    raise OSError(2, "deep")
                except OSError as e:
                    raise KeyError("middle") from e
            except KeyError as e:
                raise ValueError("top") from e

        got = raised(f)
        self.assertIsInstance(got, ValueError)
        self.assertIsInstance(got.__cause__, KeyError)
        self.assertIsInstance(got.__cause__.__cause__, FileNotFoundError)
        self.assertEqual(got.__cause__.__cause__.errno, 2)

    def test_context_and_from_none(self):
        def implicit():
            try:
                raise KeyError("first")
            except KeyError:
                raise ValueError("second")

        def hidden():
            try:
                raise KeyError("first")
            except KeyError:
                raise ValueError("second") from None

        got = raised(implicit)
        self.assertIsInstance(got.__context__, KeyError)
        self.assertIsNone(got.__cause__)
        self.assertFalse(got.__suppress_context__)
        got = raised(hidden)
        self.assertIsInstance(got.__context__, KeyError)
        self.assertTrue(got.__suppress_context__)

    def test_cycles_and_long_chains(self):
        a, b = ValueError("a"), KeyError("b")
        a.__cause__, b.__cause__ = b, a
        got = raised_by(a)
        self.assertIsInstance(got.__cause__, KeyError)
        self.assertIs(got.__cause__.__cause__, got)

        top = exc = ValueError(0)
        for i in range(1, 5000):
            exc.__cause__ = ValueError(i)
            exc = exc.__cause__
        result = remote(throw, top)
        self.assertTrue(result.record["truncated"])
        self.assertIn("left out", result.msg)
        got = result.to_exception()
        for i in range(50):
            self.assertEqual(got.args, (i,))
            got = got.__cause__

    def test_notes(self):
        exc = ValueError("x")
        exc.__notes__ = ["one", "tw\0o \ud800"]
        got = raised_by(exc)
        self.assertEqual(got.__notes__, exc.__notes__)
        exc.__notes__ = 5
        self.assertEqual(raised_by(exc).__notes__, ["5"])

    @unittest.skipIf(sys.version_info < (3, 11), "exception groups are of 3.11")
    def test_groups(self):
        inner = ExceptionGroup("inner", [KeyError("k")])
        group = ExceptionGroup("outer", [ValueError("v"), inner, targets.OneArg(1)])
        group.exceptions[0].__cause__ = group  # members may point back
        got = raised_by(group)
        self.assertIs(type(got), ExceptionGroup)
        self.assertEqual(got.message, "outer")
        first, second, third = got.exceptions
        self.assertEqual(repr(first), "ValueError('v')")
        self.assertIs(first.__cause__, got)
        self.assertEqual(repr(second.exceptions[0]), "KeyError('k')")
        self.assertIs(type(third), targets.OneArg)
        self.assertIn("inner", got.__pyrpc_remote__.msg)

        base = BaseExceptionGroup("b", [SystemExit(1), ValueError(2)])
        got = raised_by(base)
        self.assertIsInstance(got, RemoteError)
        self.assertIsInstance(got.exceptions[0], RemoteError)
        self.assertEqual(repr(got.exceptions[1]), "ValueError(2)")

    def test_traceback_prints(self):
        got = raised(targets.add, 1, "x")
        text = "".join(traceback.format_exception(type(got), got, got.__traceback__))
        self.assertIn("targets.py", text)
        self.assertIn("return a + b", text)
        self.assertIn(f"On {internal.get_worker_name()}:", text)
        frame = got.__pyrpc_remote__.frames[-1]
        self.assertEqual(frame[2:], ("add", "return a + b"))
        self.assertNotIn("_udf", got.__pyrpc_remote__.msg)

    def test_second_hop(self):
        first = raised_by(targets.TwoArgs(4, "gone"))
        got = raised_by(first)
        self.assertIs(type(got), targets.TwoArgs)
        self.assertEqual(got.code, 4)
        self.assertIsInstance(got.__cause__, internal.RemoteTraceback)
        exit_error = raised(targets.exit_now)
        got = raised_by(exit_error)
        self.assertIs(type(got), RemoteError)
        self.assertEqual(got.type_name, "SystemExit")

    def test_deep_recursion_is_cut_in_the_middle(self):
        result = remote(targets.recurse)
        self.assertIs(result.exception_type, RecursionError)
        self.assertLessEqual(len(result.frames), 100)
        self.assertIn("frames left out", result.msg)


class Texts(unittest.TestCase):
    def test_text_arrives_as_sent(self):
        for text in (
            "café 中😀",
            "a\nb\tc\r",
            "%s {}",
            "'\"",
            "",
            "back\\slash trailing\\",
            "bad \\x4 C:\\users\\n \\N{DIGIT ONE}",
            "nul\0nul",
            "lone \ud800 surrogate",
            "x" * 1_000_000,
        ):
            with self.subTest(text[:20]):
                got = raised_by(ValueError(text))
                self.assertEqual(got.args, (text,))
                self.assertIn(repr(text), got.__pyrpc_remote__.msg)

    def test_form_and_worker_name(self):
        self.addCleanup(internal.set_worker_name, None)
        internal.set_worker_name("WorkerInfo(id=1, name=w1)")
        msg = remote(throw, KeyError("k")).msg
        head = "On WorkerInfo(id=1, name=w1):\nKeyError('k')\nTraceback (most"
        self.assertTrue(msg.startswith(head), msg)
        self.assertTrue(msg.endswith("KeyError: 'k'\n"), msg)

    def test_str_subclass_does_not_travel(self):
        class Text(str):
            pass

        class Fancy(Exception):
            def __str__(self):
                return Text("fancy")

        self.assertEqual(type(remote(throw, Fancy()).message), str)


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


if __name__ == "__main__":
    unittest.main()
