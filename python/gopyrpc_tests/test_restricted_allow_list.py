"""The half of the allow-list that is Python's: what names lead to, and whether that is what an entry means."""

import os
import sys
import types
import unittest

from gopyrpc._restricted.canonical import Names, loads_beside
from gopyrpc._module.handle import make_handle
from gopyrpc._restricted.allow_list import DEFAULT_ALLOWED, AllowList
from gopyrpc.internal import DeserializeError, ForbiddenGlobal, PythonUDF

from . import targets

T = targets.__name__
CALL = "gopyrpc.restricted:call"
ADD = b"\x80\x05\x97\x97K\x01K\x02\x86}\x87\x85R."  # what Go makes of a call f(1, 2)


class Entries(unittest.TestCase):
    def test_forms(self):
        for entry in (T, f"{T}:add", f"{T}:ad*", f"{T}:*", "gopyrpc_tests.*"):
            self.assertIs(AllowList([entry]).given(f"{T}:add"), targets.add)
        for entry in (f"{T}:ad", f"{T}:add.x", "gopyrpc_tests", "targets", f"{T}s", "pythontest.*", f"{T}.*", f"value:{T}:add"):
            with self.assertRaises(ForbiddenGlobal) as caught:
                AllowList([entry]).given(f"{T}:add")
            self.assertEqual(caught.exception.global_name, f"{T}:add")

    def test_bad_entries(self):
        for entry in ("", "*", ".*", "a..b", ":f", "m:", "m:*x", "m:a*b*", "m:a:b", "a b", "m*", "value:m", "value:m:C*", "value:"):
            with self.assertRaises(ValueError):
                AllowList([entry])
        for entries in ("os", b"os", [5], [None]):
            with self.assertRaises(TypeError):
                AllowList(entries)

    def test_defaults(self):
        for name in DEFAULT_ALLOWED:
            for bad in ("eval", "exec", "getattr", "open", "type", "__import__", "compile"):
                self.assertNotEqual(name, f"builtins:{bad}")
            self.assertNotIn("Fraction", name)


class Finding(unittest.TestCase):
    def forbidden(self, policy, text):
        with self.assertRaises(ForbiddenGlobal):
            policy.given(text)

    def test_imports_and_aliases_of_a_listed_module(self):
        for name in (
            "os.system", "os", "sys.exit", "sys.modules", "shout", "run_shell",
            "fetch_eval", "contextvars.copy_context", "calls", "calls.append",
            "functools.partial", "__builtins__", "__dict__", "add.__globals__",
            "add.__globals__.get", "add.__code__", "Point.__init__",
            "Point.__init__.__globals__", "Point.__subclasses__", "Point.mro",
            "Point.__class__", "Point.__class__.__base__", "Point.escape",
            "Point.borrowed", "Nested.gate", "Nested.gate.system", "",
            "Nested.Inner.with_traceback", "__loader__", "__spec__.loader",
        ):
            with self.subTest(name):
                for entry in (T, "gopyrpc_tests.*", f"{T}:*"):
                    with self.assertRaises((ForbiddenGlobal, AttributeError)):
                        AllowList([entry]).given(f"{T}:{name}")
        # Not even if it is listed by name: it leads through a module.
        self.forbidden(AllowList([f"{T}:os.system"]), f"{T}:os.system")
        # By its own name an alias can be listed.
        self.assertIs(AllowList([f"{T}:shout"]).given(f"{T}:shout"), os.system)

    def test_what_is_not_listed_is_not_imported(self):
        policy = AllowList([T])
        for name in ("this:d", "value:this:d"):
            self.forbidden(policy, name)
        self.assertFalse(policy.permits_class("this", "d"))
        self.assertNotIn("this", sys.modules)

    def test_no_name_leads_to_a_file_elsewhere(self):
        policy = AllowList(["gopyrpc_tests.*"])
        for module in ("gopyrpc_tests./../x", "gopyrpc_tests..targets", "gopyrpc_tests.a b", "gopyrpc_tests.\0"):
            self.assertFalse(policy.permits_class(module, "x"), module)
            self.forbidden(policy, f"{module}:x")

    def test_names_that_a_module_makes_late_are_not_its_own(self):
        asked = []
        module = types.ModuleType("late")
        module.__getattr__ = lambda name: asked.append(name) or os
        sys.modules["late"] = module
        self.addCleanup(sys.modules.pop, "late")
        for name in ("other", "other.system"):
            with self.assertRaises(AttributeError):
                AllowList(["late"]).given(f"late:{name}")
        self.assertEqual(asked, [])
        module.__getattr__ = lambda name: asked.append(name) or targets.add
        self.assertIs(AllowList(["late:add"]).given("late:add"), targets.add)

    def test_the_program_of_a_package_needs_its_own_entry(self):
        self.forbidden(AllowList(["gopyrpc_tests.*"]), "gopyrpc_tests.__main__:x")
        with self.assertRaises(ImportError):
            AllowList(["gopyrpc_tests.__main__"]).given("gopyrpc_tests.__main__:x")

    def test_values_are_classes(self):
        policy = AllowList([f"value:{T}:Point", f"value:{T}:add"])
        self.assertIs(policy.given(f"value:{T}:Point"), targets.Point)
        for name in (f"value:{T}:add", f"value:{T}:Nested", f"{T}:Point"):
            self.forbidden(policy, name)
        self.assertTrue(policy.permits_class(T, "Point"))
        self.assertFalse(policy.lists(targets.Point))

    def test_lists(self):
        self.assertTrue(AllowList([T]).lists(targets.Point))
        exact = AllowList([f"{T}:Point"])
        exact.given(f"{T}:Point")
        self.assertTrue(exact.lists(targets.Point))
        self.assertFalse(exact.lists(int))
        self.assertFalse(AllowList([]).lists(targets.Point))


class Beside(unittest.TestCase):
    def test_what_a_name_leads_to_is_looked_up_anew_when_it_has_changed(self):
        module = types.ModuleType("changing")
        self.addCleanup(sys.modules.pop, "changing", None)
        sys.modules["changing"] = module
        exec("def f(a, b): return 'old'\nclass C:\n  @staticmethod\n  def g(a, b): return 'old'", vars(module))
        names = Names(AllowList(["changing"]), [CALL, "changing:f"])
        dotted = Names(AllowList(["changing"]), [CALL, "changing:C.g"])
        for each in (names, dotted):
            func, args, kwargs = loads_beside(ADD, each)
            self.assertEqual((func(*args, **kwargs), type(loads_beside(ADD, each))), ("old", PythonUDF))
        module.f = module.C.g = os.system  # which the module does not define
        for each in (names, dotted):
            with self.assertRaises(ForbiddenGlobal):
                loads_beside(ADD, each)
        exec("def f(a, b): return 'new'", vars(module))
        self.assertEqual(loads_beside(ADD, names).func(1, 2), "new")
        module = sys.modules["changing"] = types.ModuleType("changing")
        exec("def f(a, b): return 'newest'", vars(module))
        self.assertEqual(loads_beside(ADD, names).func(1, 2), "newest")

    def test_large_objects_stand_between_names(self):
        names = AllowList([]).make_names(["builtins:ValueError", "", "builtins:KeyError"])
        data = b"\x80\x05\x97\x97\x97\x87."
        for large in (b"large", bytearray(b"other")):
            list_of_go = [large]
            self.assertEqual(loads_beside(data, (names, list_of_go)), (ValueError, large, KeyError))
            self.assertEqual(list_of_go, [], "Go keeps it no longer than it is needed")

    def test_a_handle(self):
        handle = make_handle(allow=[f"{T}:add"])
        names = handle.make_names([CALL, f"{T}:add"])
        self.assertEqual(handle.run(ADD, names)[-3:], b"K\x03.")
        self.assertEqual(handle.deserialize(ADD, names), PythonUDF(targets.add, (1, 2), {}))
        for broken in (b"", ADD[:-1], b"\x80\x05\x97\x97\x97."):
            with self.assertRaises(DeserializeError):
                handle.run(broken, names)
        with self.assertRaises(DeserializeError) as caught:
            handle.run(ADD, handle.make_names([CALL, f"{T}:shout"]))
        self.assertIsInstance(caught.exception.__cause__, ForbiddenGlobal)


if __name__ == "__main__":
    unittest.main()
