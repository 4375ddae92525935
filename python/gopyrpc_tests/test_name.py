"""What is matched as text matches something: a literal of a former name would match nothing, and nothing would say so."""

import pickle
import re
import unittest
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType

import gopyrpc
from gopyrpc import _name, internal
from gopyrpc._exceptions import render
from gopyrpc._restricted import allow_list
from gopyrpc._rpc import client, pending, rref
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

    def test_what_programs_import_is_known_by_public_names(self):
        for name in (n for n in dir(gopyrpc) if n in gopyrpc.__all__ or n in gopyrpc._LAZY):
            obj = getattr(gopyrpc, name)
            if isinstance(obj, ModuleType):
                continue
            self.assertIn(obj.__module__, (_name.PACKAGE, _name.INTERNAL), name)
            self.assertIs(getattr(import_module(obj.__module__), obj.__qualname__), obj)
            self.assertIs(pickle.loads(pickle.dumps(obj)), obj)
            self.assertNotIn(b"_rpc.", pickle.dumps(obj), name)
            for member in vars(obj).values() if isinstance(obj, type) and obj.__module__ == _name.PACKAGE else ():
                if isinstance(member, FunctionType) and member.__module__ != "enum":
                    self.assertEqual(member.__module__, _name.PACKAGE, member)

    def test_allow_lists_name_what_programs_import(self):
        listed = allow_list.AllowList([f"{_name.PACKAGE}:RRef.is_owner", f"{_name.PACKAGE}:rpc_sync"])
        self.assertIs(listed.find(_name.PACKAGE, "rpc_sync"), gopyrpc.rpc_sync)
        self.assertIs(listed.method(gopyrpc.RRef, "is_owner"), gopyrpc.RRef.is_owner)
        with self.assertRaises(internal.ForbiddenGlobal):
            listed.find(_name.PACKAGE, "init_rpc")
        with self.assertRaises(internal.ForbiddenGlobal):
            listed.method(gopyrpc.RRef, "to_here")
        whole = allow_list.AllowList([_name.PACKAGE])
        self.assertIs(whole.find(_name.PACKAGE, "rpc_sync"), gopyrpc.rpc_sync)
        self.assertIs(whole.method(gopyrpc.RRef, "to_here"), gopyrpc.RRef.to_here)

    def test_a_hop_is_known_by_its_class(self):
        self.assertTrue(render.is_hop(capture(internal.RemoteTraceback("x"))["errors"][0]))

    def test_an_exception_has_its_remote_exception(self):
        result = internal._run_function(internal.PythonUDF({}.__getitem__, ("key",), {}))
        self.assertIs(getattr(raised(internal._handle_exception, result), _name.REMOTE), result)

    def test_rrefs_are_seen_in_pickles(self):
        self.assertTrue(pending._has_rrefs(internal._receive_rref.__qualname__.encode()))
        self.assertIs(internal._receive_rref, rref._receive_rref)

    def test_no_module_says_it_again(self):
        for file in PACKAGE.rglob("*.py"):
            for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), 1):
                self.assertIsNone(
                    re.search(rf"""["']_*{_name.PACKAGE}[._]?\w*["']""", line), f"{file.name}:{number}: {line}"
                )


if __name__ == "__main__":
    unittest.main()
