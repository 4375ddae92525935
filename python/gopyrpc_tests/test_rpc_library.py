"""Where init_rpc has no library: the error says what is supported, or what to do."""

import os
import sys
import tempfile
import types
import unittest
from unittest import mock

from gopyrpc._rpc import library

SUPPORTED = "Supported are Linux with glibc 2.28 or newer on x86_64 and aarch64, and CPython 3.9 to 3.15"


class Library(unittest.TestCase):
    def refusal(self, error=RuntimeError):
        with self.assertRaises(error) as caught:
            library.load()
        return str(caught.exception)

    def setUp(self):
        self.enterContext(mock.patch.object(library, "_library", None))
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.file = os.path.join(folder, "libgopyrpc.so")
        self.enterContext(mock.patch.object(library, "path", lambda: self.file))

    def enterContext(self, context):  # unittest has it from 3.11 on
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value

    def test_another_system(self):
        for platform in ("darwin", "win32"):
            with mock.patch.object(sys, "platform", platform):
                self.assertEqual(self.refusal(), f"gopyrpc cannot start an agent on {platform}. {SUPPORTED}")

    def test_another_machine(self):
        with mock.patch.object(os, "uname", lambda: types.SimpleNamespace(machine="riscv64")):
            self.assertEqual(self.refusal(), f"gopyrpc cannot start an agent on Linux on riscv64. {SUPPORTED}")

    def test_another_c_library(self):
        with mock.patch.object(os, "confstr_names", {}):
            self.assertEqual(self.refusal(), f"gopyrpc cannot start an agent on Linux with another C library than glibc. {SUPPORTED}")

    def test_another_python(self):
        with mock.patch.object(sys, "implementation", types.SimpleNamespace(name="pypy")):
            self.assertEqual(self.refusal(), f"gopyrpc cannot start an agent in pypy. {SUPPORTED}")

    def test_a_subinterpreter(self):
        with mock.patch.object(library, "_in_subinterpreter", lambda ctypes: True):
            self.assertIn("cannot start an agent in a subinterpreter: call init_rpc() in the process's main", self.refusal())

    def test_which_is_a_subinterpreter(self):
        import ctypes

        self.assertFalse(library._in_subinterpreter(ctypes))
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        made = interpreters.create("legacy") if sys.version_info >= (3, 13) else interpreters.create(isolated=False)
        try:
            path = [os.path.dirname(os.path.dirname(os.path.abspath(sys.modules["gopyrpc"].__file__)))]
            failed = interpreters.run_string(
                made,
                f"import sys; sys.path[:0] = {path!r}\n"
                "import ctypes\nfrom gopyrpc._rpc import library\nassert library._in_subinterpreter(ctypes)",
            )
            self.assertIsNone(failed)
        finally:
            interpreters.destroy(made)

    def test_no_library(self):
        self.assertIn(f"has no libgopyrpc.so (looked for {self.file})", self.refusal())

    def test_no_library_that_can_be_loaded(self):
        with open(self.file, "w", encoding="utf-8") as file:
            file.write("no library")
        text = self.refusal()
        self.assertIn("gopyrpc's library could not be loaded: ", text)
        self.assertIn(SUPPORTED, text)


if __name__ == "__main__":
    unittest.main()
