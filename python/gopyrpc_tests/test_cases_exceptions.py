"""Cases 1 to 38: what a UDF raises, and what its caller gets.

The numbers are those of the inventory of torch's behaviour; the table in docs/torch.md
has torch's outcome beside ours.
"""

import sys
import unittest
from unittest import mock

from gopyrpc.internal import RemoteError

from . import case_targets, targets
from .case_targets import throw
from .wire import raised, receive, send


class Cases(unittest.TestCase):
    def assertArrives(self, exc):
        got = raised(throw, exc)
        self.assertIs(type(got), type(exc))
        self.assertEqual(got.args, exc.args)
        self.assertEqual(str(got), str(exc))
        return got

    def test_case_001_to_011_own_class_and_text(self):
        for exc in (ValueError("hello"), TypeError("t"), KeyError("k"), IndexError("i"),
                    ZeroDivisionError("z"), AttributeError("a"), NotImplementedError("n"),
                    MemoryError("m"), TimeoutError("t"), AssertionError("a"), StopIteration(3)):
            got = self.assertArrives(exc)
            self.assertIn("On pid", got.__gopyrpc_remote__.msg)

    def test_case_012_errno_and_filename(self):
        got = raised(case_targets.raise_unless_open)
        self.assertIs(type(got), FileNotFoundError)
        self.assertEqual((got.errno, got.filename), (2, "/no/such/file"))

    def test_case_013_unicode_decode_error(self):
        got = raised(case_targets.decode_bad)
        self.assertIs(type(got), UnicodeDecodeError)
        self.assertEqual((got.object, got.start), (b"\xff", 0))

    def test_case_014_recursion(self):
        self.assertIs(type(raised(targets.recurse)), RecursionError)

    def test_case_015_to_018_custom_classes(self):
        self.assertArrives(targets.OneArg("x"))
        for cls, args, kwargs in ((targets.TwoArgs, (4, "m"), {}),
                                  (targets.KeywordOnly, (), {"code": 4})):
            got = raised(case_targets.construct, cls, *args, **kwargs)
            self.assertIs(type(got), cls)
            self.assertEqual((got.code, str(got)), (4, str(cls(*args, **kwargs))))
        got = self.assertArrives(case_targets.Defaults("x", extra="given"))
        self.assertEqual(got.extra, "given")

    def test_case_019_constructor_that_raises(self):
        # Not called at the caller at all; nor by pickle for the argument here.
        exc = case_targets.CtorRaises("x")
        result = send(case_targets.throw, exc)
        with mock.patch.object(case_targets.CtorRaises, "armed", True):
            with self.assertRaises(case_targets.CtorRaises) as caught:
                receive(result)
        self.assertEqual(caught.exception.args, ("x", True))

    def test_case_020_local_class(self):
        got = raised(case_targets.raise_local)
        self.assertIs(type(got), RemoteError)
        self.assertTrue(got.type_name.endswith("raise_local.<locals>.Local"))
        self.assertEqual(got.message, "'local'")
        self.assertIn("builtins.KeyError", got.mro)

    @unittest.skipIf(sys.version_info < (3, 11), "exception groups are of 3.11")
    def test_case_021_group(self):
        got = raised(case_targets.raise_group)
        self.assertIs(type(got), ExceptionGroup)
        inner = got.exceptions[1].exceptions[0]
        self.assertEqual((type(inner), inner.code), (targets.TwoArgs, 1))

    def test_case_022_repr_that_raises(self):
        self.assertArrives(targets.BadRepr("x"))
        self.assertIs(type(raised(throw, targets.BadStr("x"))), targets.BadStr)

    def test_case_023_024_causes_and_contexts(self):
        got = raised(case_targets.raise_chain)
        self.assertEqual(type(got.__cause__), targets.TwoArgs)
        self.assertEqual(got.__cause__.code, 4)
        self.assertEqual(repr(got.__cause__.__cause__), "KeyError('deep')")
        got = raised(case_targets.raise_context)
        self.assertIsNone(got.__cause__)
        self.assertEqual(repr(got.__context__), "KeyError('first')")
        self.assertIn("During handling", got.__gopyrpc_remote__.msg)

    def test_case_025_to_027_base_exceptions_end_nothing(self):
        for function, args, name in (
            (targets.interrupt, (), "KeyboardInterrupt"),
            (targets.exit_now, (3,), "SystemExit"),
            (targets.exit_now, (0,), "SystemExit"),
            (targets.close_generator, (), "GeneratorExit"),
            (throw, (targets.OwnBase("x"),), f"{targets.__name__}.OwnBase"),
        ):
            got = raised(function, *args)
            self.assertIs(type(got), RemoteError)
            self.assertEqual(got.type_name, name)

    def test_case_028_to_034_text(self):
        for text in ("café 中😀", "a\nb\tc\r%s {}'\"", "", "back\\slash trailing\\",
                     "bad \\x4 C:\\users\\n \\N{DIGIT ONE}", "nul\0nul", "lone \ud800 \udfff",
                     "x" * 2**20, "é" * 200_000):
            got = self.assertArrives(ValueError(text))
            self.assertIn(repr(text), got.__gopyrpc_remote__.msg)

    def test_case_031_source_line_with_backslashes(self):
        got = raised(case_targets.path_in_source)
        self.assertEqual(repr(got), "KeyError('fine')")
        self.assertIn(r"C:\users", got.__gopyrpc_remote__.msg)

    def test_case_035_036_no_stderr(self):
        for state in ("closed", "none"):
            with mock.patch("sys.stderr", sys.stderr):
                got = raised(case_targets.with_stderr, state)
            self.assertEqual(repr(got), "KeyError('k')")

    def test_case_049_class_missing_at_the_caller(self):
        result = send(throw, targets.OneArg("x"))
        with mock.patch.object(targets, "OneArg", None):
            with self.assertRaises(RemoteError) as caught:
                receive(result)
        self.assertEqual(caught.exception.type_name, f"{targets.__name__}.OneArg")
        self.assertEqual(caught.exception.message, "x")


if __name__ == "__main__":
    unittest.main()
