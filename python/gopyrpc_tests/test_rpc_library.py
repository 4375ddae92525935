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
