"""What is matched as text matches something: a literal of a former name would match nothing, and nothing would say so."""

import re
import unittest
from pathlib import Path

import gopyrpc
from gopyrpc import _name, internal
from gopyrpc._exceptions import render
from gopyrpc._restricted import allow_list
from gopyrpc._rpc import client, rref
from gopyrpc._exceptions.capture import capture

PACKAGE = Path(gopyrpc.__file__).parent


def raised(function, *args):
    try:
        function(*args)
    except BaseException as exc:
        return exc


class Name(unittest.TestCase):
    def test_the_package_goes_by_it(self):
        self.assertEqual(_name.PACKAGE, gopyrpc.__name__)
        self.assertEqual(_name.INTERNAL, internal.__name__)
        self.assertTrue(client.__name__.startswith(_name.MODULES))

    def test_what_every_peer_may_name_is_there(self):
        names = [n.partition(":")[2] for n in allow_list.DEFAULT_ALLOWED if n.startswith(_name.INTERNAL + ":")]
        self.assertGreater(len(names), 20)
        for name in names:
            self.assertEqual(getattr(internal, name).__module__, _name.INTERNAL, name)

    def test_a_hop_is_known_by_its_class(self):
        self.assertTrue(render.is_hop(capture(internal.RemoteTraceback("x"))["errors"][0]))

    def test_an_exception_has_its_remote_exception(self):
        result = internal._run_function(internal.PythonUDF({}.__getitem__, ("key",), {}))
        self.assertIs(getattr(raised(internal._handle_exception, result), _name.REMOTE), result)

    def test_rrefs_are_seen_in_pickles(self):
        self.assertTrue(client._has_rrefs(internal._receive_rref.__qualname__.encode()))
        self.assertIs(internal._receive_rref, rref._receive_rref)

    def test_no_module_says_it_again(self):
        for file in PACKAGE.rglob("*.py"):
            for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), 1):
                self.assertIsNone(
                    re.search(rf"""["']_*{_name.PACKAGE}[._]?\w*["']""", line), f"{file.name}:{number}: {line}"
                )


if __name__ == "__main__":
    unittest.main()
