"""What cannot be pickled or unpickled: always one of two errors, with its reason."""

import io
import pickle
import sys
import threading
import unittest
from unittest import mock

from gopyrpc import internal
from gopyrpc.internal import DeserializeError, PythonUDF, SerializeError

from . import targets


class Failures(unittest.TestCase):
    def test_serialize(self):
        deep = []
        for _ in range(100_000):
            deep = [deep]
        for value, text in (
            (lambda: None, "Can't|pickle"),
            ((i for i in ()), "generator"),
            (threading.Lock(), "lock"),
            (memoryview(b""), "memoryview"),
            (sys, "module"),
            (deep, "RecursionError"),
            (targets.RaisesOnDump(ValueError("mine")), "ValueError: mine"),
            (targets.RaisesOnDump(KeyboardInterrupt("k")), "KeyboardInterrupt"),
            (targets.RaisesOnDump(SystemExit(3)), "SystemExit: 3"),
            (targets.RaisesOnDump(MemoryError()), "MemoryError"),
            (targets.RaisesOnDump(targets.StrExits()), "str.. failed"),
        ):
            with self.assertRaisesRegex(SerializeError, text) as caught:
                internal.serialize(value)
            self.assertIsNotNone(caught.exception.__cause__)
        while deep:
            deep = deep.pop()

    def test_garbage(self):
        whole = pickle.dumps(PythonUDF(targets.add, (1, "text"), {}))
        for data in (
            b"",
            b"\0garbage",
            b"plain text",
            b"\x80\x09K\x01.",
            b"\x80\x04\x8c\x01\xff.",
            b"(((",
            b".",
            b"0.",
            b"\x80\x04h\x07.",
            "not bytes",
            None,
            5,
        ):
            with self.assertRaises(DeserializeError) as caught:
                internal.deserialize(data)
            self.assertIsNotNone(caught.exception.__cause__)
        for end in range(len(whole)):
            with self.assertRaises(DeserializeError):
                internal.deserialize(whole[:end])

    def test_what_is_missing_is_named(self):
        def check(data, *texts):
            with self.assertRaises(DeserializeError) as caught:
                internal.deserialize(data)
            for text in texts:
                self.assertIn(text, str(caught.exception))
            return caught.exception

        exc = check(b"cno_such_module\nf\n.", "no_such_module", "importable")
        self.assertIsInstance(exc.__cause__, ModuleNotFoundError)
        exc = check(b"cgopyrpc_tests.targets\nmain_fn\n.", "main_fn", "top level")
        self.assertIsInstance(exc.__cause__, AttributeError)

    def test_user_code_that_raises_while_loading(self):
        for error in (
            RuntimeError("mine"),
            AttributeError("Can't get attribute, says the user"),
            KeyboardInterrupt("k"),
            SystemExit(3),
            RecursionError(),
            MemoryError(),
        ):
            data, _ = internal.serialize(targets.RaisesOnLoad(error))
            with self.assertRaises(DeserializeError) as caught:
                internal.deserialize(data)
            self.assertIs(type(caught.exception.__cause__), type(error))
            # torch blames a missing function for any AttributeError.
            self.assertNotIn("top level", str(caught.exception))

    def test_lengths_that_the_payload_does_not_have(self):
        gib = (1 << 30).to_bytes(8, "little")
        huge = (1 << 62).to_bytes(8, "little")
        for data in (
            b"\x80\x05\x8e" + gib,  # BINBYTES8
            b"\x80\x05\x8d" + gib,  # BINUNICODE8
            b"\x80\x05\x95" + gib,  # FRAME
            b"\x80\x05\x96" + gib,  # BYTEARRAY8
            b"\x80\x05\x8b" + gib[:4],  # LONG4
            b"\x80\x05B" + gib[:4],
            b"\x80\x05X" + gib[:4],
            b"\x80\x05\x8e" + huge,
            b"\x80\x05\x8d" + huge,
            b"\x80\x05\x95" + huge,
            b"\x80\x05\x96" + huge,
            b"\x80\x05\x8e" + b"\xff" * 8,
        ):
            for tail in (b"", b"short."):
                # CPython itself complains on stderr about a cut-off BYTEARRAY8.
                with mock.patch("sys.stderr", io.StringIO()):
                    with self.assertRaises(DeserializeError):
                        internal.deserialize(data + tail)


if __name__ == "__main__":
    unittest.main()
