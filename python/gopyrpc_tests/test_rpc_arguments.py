"""What a call takes, and what is printed of what it raises."""

import unittest
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from types import SimpleNamespace

from gopyrpc._rpc.calls import udf_of
from gopyrpc._rpc.print_failure import print_failure


def caller(policy=None):
    return SimpleNamespace(host=SimpleNamespace(prints_failures=True), policy=policy)


class Arguments(unittest.TestCase):
    def test_any_iterable_and_none(self):
        self.assertEqual(udf_of(abs, iter([1]), [("a", 2)])[1:], ((1,), {"a": 2}))
        self.assertEqual(udf_of(abs, None, None)[1:], ((), {}))

    def test_wrong_ones_are_named(self):
        with self.assertRaisesRegex(TypeError, r"args must be a tuple or list of arguments, not int: args=\(x,\)"):
            udf_of(abs, 1, None)
        for wrong in (1, [1], ["abc"]):
            with self.assertRaisesRegex(TypeError, "kwargs must be a dict of names and arguments"):
                udf_of(abs, None, wrong)


class PrintedFailures(unittest.TestCase):
    def printed(self, text, policy=None):
        failure = SimpleNamespace(msg=text, record={"errors": [{"module": "builtins", "qualname": "ValueError"}]})
        with redirect_stderr(StringIO()) as printed:
            print_failure(failure, caller(policy))
        return printed.getvalue()

    def test_a_restricted_peer_writes_nothing(self):
        self.assertEqual(self.printed("\x1b[2J", policy=object()), "")

    def test_a_text_is_printed_whole(self):
        self.assertEqual(self.printed("On w0:\n" + "x" * 20000 + "\n"), "On w0:\n" + "x" * 20000 + "\n")

    def test_of_a_very_long_one_the_middle_is_left_out(self):
        text = self.printed("On w0:\n" + "x" * 1000000 + "\nValueError")
        self.assertLess(len(text), 40000)
        self.assertRegex(text, r"(?s)^On w0:\n.*\n\[967250 characters left out\]\n.*\nValueError\n$")

    def test_without_a_standard_error_nothing_goes_to_standard_output(self):
        failure = SimpleNamespace(msg="text", record={"errors": [{"module": "builtins", "qualname": "ValueError"}]})
        with redirect_stderr(None), redirect_stdout(StringIO()) as printed:
            print_failure(failure, caller())
        self.assertEqual(printed.getvalue(), "")


if __name__ == "__main__":
    unittest.main()
