"""The allow-list where it is easily forgotten: in nested pickles, and the walker."""

import pickle
import pickletools
import sys
import unittest

from pyrpc import _opcodes, internal
from pyrpc._handle import make_handle
from pyrpc._opcodes import is_plain
from pyrpc.internal import DeserializeError, PythonUDF, RemoteError

from . import targets
from .test_policy import Bomb, T, fired


class Failures(unittest.TestCase):
    """A peer's exception passes the same list, nested pickles included."""

    def setUp(self):
        fired.clear()

    def result(self, exc):
        def throw():
            raise exc

        return internal._run_function(PythonUDF(throw, (), {}))

    def raised(self, entries, value):
        handle = make_handle(allow=entries)
        got = handle.deserialize(pickle.dumps(value, 5))
        try:
            handle.handle_exception(got)
        except Exception as exc:
            return exc, got

    def test_builtin_exceptions_are_always_fine(self):
        exc, _ = self.raised([], self.result(FileNotFoundError(2, "x", "f")))
        self.assertEqual((type(exc), exc.filename), (FileNotFoundError, "f"))

    def test_class_must_be_listed(self):
        value = self.result(targets.TwoArgs(1, "x"))
        exc, got = self.raised([], value)
        self.assertIs(type(exc), RemoteError)
        self.assertIn("allow-list", exc.reason)
        self.assertIs(got.exception_type, RemoteError)
        exc, got = self.raised([T], value)
        self.assertIs(type(exc), targets.TwoArgs)
        self.assertIs(got.exception_type, targets.TwoArgs)

    def test_nested_pickles(self):
        value = self.result(ValueError(Bomb()))
        exc, got = self.raised([T], value)
        self.assertIs(type(exc), RemoteError)
        # The restriction stays with the value, whoever handles it.
        with self.assertRaises(RemoteError):
            internal._handle_exception(got)
        exc = ValueError("x")
        exc.attribute = Bomb()
        exc, _ = self.raised([T], self.result(exc))
        self.assertIs(type(exc), RemoteError)
        self.assertEqual(fired, [])

    def test_the_policy_cannot_be_taken_off(self):
        inner = pickle.dumps(self.result(ValueError(Bomb())), 2)
        for state in (b"N(dV_policy\nNs\x86b.", b"(dV_policy\nNsb."):
            with self.assertRaises(DeserializeError):
                make_handle(allow=[T]).deserialize(inner[:-1] + state)
        # Nor is there another way to make one than the guarded one.
        data = b"c%s\n_remote_exception\n(}NtR." % b"pyrpc.internal"
        with self.assertRaises(DeserializeError):
            make_handle(allow=[T]).deserialize(data)

    def test_forged_record_imports_nothing(self):
        value = self.result(ValueError("x"))
        value.record["errors"][0].update(module="this", qualname="d")
        exc, _ = self.raised([T], value)
        self.assertIs(type(exc), RemoteError)
        self.assertNotIn("this", sys.modules)


class Walking(unittest.TestCase):
    def test_knows_every_opcode(self):
        known = {ord(op.code) for op in pickletools.opcodes}
        unsafe = {ord(c) for c in "b\x82\x83\x84"}
        for code in range(256):
            self.assertEqual(
                _opcodes._KINDS[code] == _opcodes._UNSAFE,
                code not in known or code in unsafe,
                hex(code),
            )

    def test_agrees_with_pickletools(self):
        for value in (1, -1, 2**70, 1.5, "é", b"x" * 300, "y" * 300, [1, (2, {3: None})],
                      {1}, bytearray(b"z"), targets.add, targets.Point(1, 2), True, 2**3000):
            for protocol in range(6):
                data = pickle.dumps(value, protocol)
                ops = {op.name for op, _, _ in pickletools.genops(data)}
                self.assertEqual(is_plain(data), "BUILD" not in ops, data)


if __name__ == "__main__":
    unittest.main()
