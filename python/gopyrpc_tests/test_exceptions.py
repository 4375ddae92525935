"""What a failing UDF looks like to its caller: every exception must get through."""

import sys
import traceback
import unittest

from gopyrpc import internal
from gopyrpc.internal import PythonUDF, RemoteError, RemoteException

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
        got = raised(__import__, "no_such_module")
        self.assertEqual((type(got), got.name), (ModuleNotFoundError, "no_such_module"))
        if sys.version_info >= (3, 10):
            self.assertEqual(raised(lambda: len.nope).name, "nope")
            self.assertEqual(raised(eval, "nope").name, "nope")

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
        self.assertIn("inner", got.__gopyrpc_remote__.msg)

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
        frame = got.__gopyrpc_remote__.frames[-1]
        self.assertEqual(frame[2:], ("add", "return a + b"))
        self.assertNotIn("_udf", got.__gopyrpc_remote__.msg)

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
                self.assertIn(repr(text), got.__gopyrpc_remote__.msg)

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

class Hops(unittest.TestCase):
    """An exception that comes from a worker which has it from another, and so on."""

    def passed_on(self, hops):
        result = remote(throw, KeyError("k"))
        for _ in range(hops):
            result = remote(internal._handle_exception, result)
        return result

    def test_grows_with_the_number_of_hops_and_no_faster(self):
        sizes = [len(internal.serialize(self.passed_on(hops))[0]) for hops in (5, 10, 20)]
        self.assertLess(sizes[2] - sizes[1], 3 * (sizes[1] - sizes[0]))

    def test_every_hop_is_told_once_the_first_one_first(self):
        try:
            internal._handle_exception(self.passed_on(3))
        except KeyError as exc:
            text = "".join(traceback.format_exception(type(exc), exc, exc.__traceback__))
        self.assertEqual(text.count("in throw\n"), 1)
        self.assertEqual(text.count("RemoteTraceback"), 4)
        self.assertLess(text.index("in throw\n"), text.index("in _handle_exception\n"))


if __name__ == "__main__":
    unittest.main()
