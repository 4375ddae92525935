"""What canonical pickles call: instances, their states and their elements, members, methods, records."""

import collections
import datetime
import os
import pickle
import sys
import types
import unittest
import weakref

from gopyrpc import internal
from gopyrpc._attributes import is_forbidden
from gopyrpc._exceptions.nested import Nested
from gopyrpc._restricted.allow_list import AllowList
from gopyrpc.internal import ForbiddenGlobal, PythonUDF, RemoteError

from . import standin_targets as targets

T = targets.__name__


class StandIns(unittest.TestCase):
    def setUp(self):
        self.all = AllowList([T])
        self.values = AllowList([f"value:{T}:{name}" for name in targets.NAMES])

    def call(self, policy, name, *args):
        return policy.given(f"gopyrpc.restricted:{name}")(*args)

    def refused(self, policy, name, *args, error=(ForbiddenGlobal, TypeError)):
        with self.assertRaises(error):
            self.call(policy, name, *args)

    def changed(self, policy, cls, state, standin="new_to_change"):
        obj = self.call(policy, standin, cls, (), {})
        self.call(policy, "set_state", obj, state)
        return obj


class Making(StandIns):
    def test_only_what_nobody_else_has_is_changed(self):
        for cls in (targets.Kept, targets.Registered, targets.Weak):
            with self.subTest(cls.__name__):
                first = cls()  # kept by the class
                self.refused(self.all, "new_to_change", cls, (), {})
                self.refused(self.all, "call_class", cls, ())
                self.call(self.all, "new", cls, (), {})  # to have one is no harm
                del first
        self.refused(self.all, "call_class", targets.give_kept, ())
        self.refused(self.all, "call_class", targets.Colour, (1,))
        self.refused(self.all, "new_to_change", targets.Other, (), {})
        self.assertIs(type(self.call(self.all, "new_to_change", targets.Plain, (), {})), targets.Plain)
        self.assertEqual(self.call(self.all, "call_class", targets.Point, (1, 2)).x, 1)

    def test_memory_that_nobody_has_filled(self):
        for module, make in (("numpy", "ndarray"), ("torch", "Tensor")):
            try:
                base = getattr(__import__(module), make)
            except ImportError:
                continue
            self.refused(self.all, "new", type("Mine", (base,), {"__module__": T}), ((1000,),), {})

    def test_no_code_of_a_class_that_is_a_value(self):
        make = lambda cls, *args, **kwargs: self.call(self.values, "new_value", cls, args, kwargs)
        targets.ran.clear()
        for cls in (targets.Coded, targets.CodedList):
            self.assertIs(type(make(cls)), cls)
        self.assertEqual(make(targets.Pair, 1, 2), targets.Pair(1, 2))
        self.assertEqual(make(targets.Named, 1, 2), targets.Named(1, 2))
        self.assertEqual((make(targets.MyInt, 5), type(make(targets.MyInt, 5))), (5, targets.MyInt))
        self.assertEqual(targets.ran, [])
        for cls, args in (
            (targets.Coded, (1,)), (targets.Pair, (1,)), (targets.MyInt, ("5",)), (targets.MyInt, (True,)), (targets.MyInt, ()),
            (targets.CodedList, ([1],)), (targets.Colour, (1,)), (targets.File, ("/dev/null",)), (5, ()),
        ):
            self.refused(self.values, "new_value", cls, args, {})
        self.refused(self.values, "new_value", targets.Coded, (), {"key": 1})

    def test_members_and_exceptions_of_values(self):
        value = lambda cls, *args: self.call(self.values, "value", cls, args)
        targets.ran.clear()
        self.assertIs(value(targets.Colour, 1), targets.Colour.RED)
        self.assertIs(value(targets.Colour, [2]), targets.Colour.LIST)
        self.assertIs(self.call(self.values, "member", targets.Colour, "RED"), targets.Colour.RED)
        exc = value(targets.Failure, "x")
        self.assertEqual((type(exc), exc.args, vars(exc)), (targets.Failure, ("x",), {}))
        self.assertEqual(targets.ran, [])
        for args in ((9,), ("1",), (1, 2), ()):
            self.refused(self.values, "value", targets.Colour, args)
        self.refused(self.values, "value", targets.Plain, ())
        self.refused(self.values, "value", targets.add, (1, 2))
        for name in ("missing", "_missing_", "__class__", "mro", "_value2member_map_"):
            self.refused(self.values, "member", targets.Colour, name)
        self.refused(self.values, "member", targets.Plain, "x")

    def test_flags(self):
        both = self.call(self.all, "flags", targets.Bits.R, targets.Bits.W)
        self.assertEqual(both, targets.Bits.R | targets.Bits.W)
        for one, other in ((1, 2), (targets.Bits.R, "x"), (targets.Colour.RED, targets.Colour.RED), ({}, {}), (targets.Coded, 1)):
            self.refused(self.all, "flags", one, other)
        self.refused(self.values, "flags", targets.Bits.R, targets.Bits.W)


class States(StandIns):
    def test_attributes(self):
        self.assertEqual(vars(self.changed(self.all, targets.Plain, {"x": 1})), {"x": 1})
        slots = self.changed(self.all, targets.Slots, (None, {"a": 1, "b": [2]}))
        self.assertEqual((slots.a, slots.b), (1, [2]))
        both = self.changed(self.all, targets.SlotsAndDict, ({"c": 3}, {"a": 1}))
        self.assertEqual((both.a, both.c), (1, 3))
        self.assertEqual(vars(self.changed(self.all, targets.Plain, None)), {})

    def test_names_that_are_not_set(self):
        for name in (
            "__class__", "__dict__", "__reduce__", "__reduce_ex__", "__module__", "__setstate__", "__getstate__", "__slots__", "__copy__",
            "__array_interface__", "__cuda_array_interface__", "__array_struct__", "__dlpack__", "__torch_function__", "__del__", "_as_parameter_",
        ):
            self.assertTrue(is_forbidden(name))
            self.refused(self.all, "set_state", targets.Plain(), {name: 1}, error=ForbiddenGlobal)
            self.refused(self.all, "set_state", targets.Slots(), (None, {name: 1}), error=ForbiddenGlobal)
            self.refused(self.all, "set_state", ValueError(), {name: 1}, error=ForbiddenGlobal)
        for state in ([("x", 1)], "x", 5, {1: 2}, collections.UserDict(x=1), targets.MyDict(x=1), ({"x": 1}, {}, {}), ([], None)):
            self.refused(self.all, "set_state", targets.Plain(), state)

    def test_slots_are_slots(self):
        targets.ran.clear()
        for name in ("prop", "method", "c", "nothing"):
            self.refused(self.all, "set_state", targets.Slots(), (None, {name: 1}))
        self.assertEqual(targets.ran, [])

    def test_setters(self):
        self.assertEqual(self.changed(self.all, targets.Stateful, [5]).x, 5)
        self.assertEqual(self.changed(self.all, targets.Inherits, [5]).x, 5)
        if sys.version_info >= (3, 10):
            self.assertEqual(self.changed(self.all, targets.FrozenSlots, [5]).a, 5)
            self.assertEqual(self.changed(self.values, targets.FrozenSlots, [5], "new_value").a, 5)
        for cls in (targets.Stateful, targets.Inherits):  # their setter is code, which value: calls none of
            self.refused(self.values, "set_state", cls.__new__(cls), [5])
        only = AllowList([f"{T}:Inherits"])
        only.given(f"{T}:Inherits")
        self.refused(only, "set_state", targets.Inherits.__new__(targets.Inherits), [5])
        for obj in (targets.Borrowed(), collections.deque(), datetime.datetime.now().tzinfo or datetime.timezone.utc, types.SimpleNamespace()):
            if hasattr(type(obj), "__setstate__"):
                self.refused(self.all, "set_state", obj, ("x",))

    def test_exceptions(self):
        exc = ImportError("x")
        self.call(self.all, "set_state", exc, {"name": "n", "path": "p", "mine": 1, "__notes__": ["note"]})
        self.assertEqual((exc.name, exc.path, exc.mine, exc.__notes__), ("n", "p", 1, ["note"]))
        exc = UnicodeDecodeError("utf8", b"x", 0, 1, "r")
        self.call(self.all, "set_state", exc, {"object": 5, "start": -99, "end": 10**6})
        self.assertIn("0x78", str(exc))  # what C keeps is as it was
        for state in ({"args": 5}, {"args": [1]}, {"__cause__": exc}, {"__traceback__": None}, [1]):
            self.refused(self.all, "set_state", ValueError(), state)


class Filling(StandIns):
    def test_own_methods_of_list_dict_and_set(self):
        mine = targets.MyList()
        self.call(self.all, "extend", mine, [1, 2])
        self.assertEqual(mine, [1, 2])
        loud = targets.Loud()
        self.call(self.all, "extend", loud, [1])
        self.assertEqual(loud, ["loud", 1])
        for policy in (self.values, AllowList([])):
            self.refused(policy, "extend", targets.Loud(), [1])
        got = targets.MyDict()
        self.call(self.all, "update", got, [(1, 2), (1, 3)])
        self.assertEqual(got, {1: 3})
        ordered = targets.MyOrdered()
        self.call(self.all, "update", ordered, [(2, 1), (1, 2)])
        self.assertEqual(list(ordered), [2, 1])
        members = targets.MySet()
        self.call(self.all, "add", members, [1, 1])
        self.assertEqual(members, {1})

    def test_nothing_else(self):
        module = types.ModuleType("module")
        for name, args in (("extend", [1]), ("update", [("x", 1)]), ("add", [1])):
            for obj in (targets.Plain(), module, 5, "x", os.environ, collections.UserList()):
                self.refused(self.all, name, obj, args, error=(ForbiddenGlobal, TypeError))
        self.assertNotIn("x", os.environ)


class Methods(StandIns):
    def method(self, policy, obj, name):
        return self.call(policy, "method", obj, name)

    def test_what_a_listed_class_defines(self):
        self.assertEqual(self.method(self.all, targets.Point(1, 2), "total")(), 3)
        self.assertEqual(self.method(self.all, targets.Point, "origin")().x, 0)
        self.assertIs(self.method(self.all, targets.Colour, "RED"), targets.Colour.RED)

    def test_and_nothing_else(self):
        for obj in (targets.Point(1, 2), targets.Point):
            for name in (
                "loads", "borrowed", "partial", "prop", "x", "__init__", "__class__", "__reduce_ex__", "__getattribute__", "__call__", "mro", "missing", 5, None,
            ):
                self.refused(self.all, "method", obj, name)
        for obj in ("text", str, [], targets.add, targets, types.SimpleNamespace(total=1)):
            for name in ("format", "join", "append", "__globals__", "__code__", "total"):
                self.refused(self.all, "method", obj, name)
        shadowed = targets.Point(1, 2)
        shadowed.total = os.getpid
        self.assertEqual(self.method(self.all, shadowed, "total")(), 3)  # the class's
        self.refused(self.values, "method", targets.Point(1, 2), "total")
        self.assertEqual(self.method(AllowList([f"{T}:Point.__call__"]), targets.Point(1, 2), "__call__")(), "called")


class Records(StandIns):
    def record(self, policy, exc, args):
        def throw():
            raise exc

        record = internal._run_function(PythonUDF(throw, (), {})).record
        record["errors"][0].update(args=args, state=None)
        return self.call(policy, "record", record)

    def nested(self, policy, data=b"\x80\x05\x97\x85.", beside=("builtins:int",)):
        return self.call(policy, "nested", data, beside)

    def test_arguments_are_loaded_under_the_policy(self):
        got = self.record(self.all, ValueError("x"), self.nested(self.all))
        self.assertEqual(got.to_exception().args, (int,))
        got = self.record(self.all, ValueError("x"), self.nested(self.all, beside=("os:system",)))
        exc = got.to_exception()
        self.assertIs(type(exc), RemoteError)
        self.assertIn("allow-list", exc.reason)
        self.assertIn("x", str(exc))
        refused = self.call(self.all, "refused", "os:system", "os:system is not on the allow-list")
        exc = self.record(self.all, ValueError("x"), refused).to_exception()
        self.assertIs(type(exc), RemoteError)
        self.assertIn("os:system is not on the allow-list", exc.reason)
        exc = self.record(self.all, ValueError("x"), pickle.dumps((1,))).to_exception()  # bytes that nobody has read
        self.assertIs(type(exc), RemoteError)

    def test_classes_are_looked_up_under_the_policy(self):
        for policy, cls in ((self.all, targets.Failure), (self.values, targets.Failure), (AllowList([]), RemoteError)):
            got = self.record(policy, targets.Failure("x"), self.nested(policy, b"\x80\x05\x8c\x01x\x85.", ()))
            self.assertIs(type(got.to_exception()), cls)
            self.assertIs(got.exception_type, cls)

    def test_one_travels_on_as_what_was_let_in(self):
        got = self.record(self.all, ValueError("x"), self.nested(self.all))
        again = pickle.loads(pickle.dumps(got, 5))
        self.assertEqual(again.to_exception().args, (int,))
        self.assertEqual(again.msg, got.msg)
        got = self.record(self.all, ValueError("x"), self.nested(self.all, beside=("os:system",)))
        again = pickle.loads(pickle.dumps(got, 5))
        self.assertIsNone(again.record["errors"][0]["args"])
        self.assertIs(type(again.to_exception()), RemoteError)
        with self.assertRaises(TypeError):
            pickle.dumps(Nested(b"", (), self.all))


if __name__ == "__main__":
    unittest.main()
