"""What a list lets in of a class: its functions, and instances of it, and not what it keeps or computes."""

import enum
import functools
import sys
import types
import unittest

from gopyrpc._restricted.enums import member_of_value
from gopyrpc._restricted.instances import Instances
from gopyrpc._restricted.allow_list import AllowList
from gopyrpc._restricted.standins import make_standins
from gopyrpc.internal import ForbiddenGlobal

CODE = """
asked = []
class Late(type):
    @property
    def secret(cls): asked.append("secret"); return 1
    def __getattr__(cls, name): asked.append(name); return 2
class Computed:
    def __get__(self, obj, cls): asked.append("computed"); return 3
class Keeps(metaclass=Late):
    computed = Computed()
    def run(self): return "ran"
    @classmethod
    def named(cls): return cls
    @staticmethod
    def plain(): return "plain"
    @functools.lru_cache
    def cached(self): return "cached"
    class Inner: pass
    def __call__(self): return "called"
Keeps.kept = Keeps()
class Color(enum.Enum):
    RED = 1
    def shown(self): return "shown"
    def __call__(self): return "called"
class Shared:
    attributes = {"a": 1}
    def __new__(cls):
        self = object.__new__(cls)
        self.__dict__ = cls.attributes
        return self
class SharedInInit:
    attributes = {"a": 1}
    def __init__(self): self.__dict__ = self.attributes
class SharedError(Exception):
    attributes = {"a": 1}
    def __init__(self): self.__dict__ = self.attributes
class Plain: pass
"""


class Classes(unittest.TestCase):
    def setUp(self):
        self.module = sys.modules["keeps"] = types.ModuleType("keeps")
        self.addCleanup(sys.modules.pop, "keeps")
        self.module.__dict__.update(enum=enum, functools=functools)
        exec(CODE, vars(self.module))
        self.policy = AllowList(["keeps"])

    def test_names_lead_to_what_a_class_has_and_not_to_what_it_computes(self):
        keeps = self.module.Keeps
        for name in ("secret", "other", "computed", "computed.x"):
            with self.assertRaises((AttributeError, ForbiddenGlobal)):
                self.policy.given(f"keeps:Keeps.{name}")
        self.assertEqual(self.module.asked, [])
        self.assertEqual(self.policy.given("keeps:Keeps.run")(keeps()), "ran")
        self.assertEqual(self.policy.given("keeps:Keeps.cached")(keeps()), "cached")
        self.assertIs(self.policy.given("keeps:Keeps.named")(), keeps)
        self.assertEqual(self.policy.given("keeps:Keeps.plain")(), "plain")
        self.assertIs(self.policy.given("keeps:Keeps.Inner"), keeps.Inner)
        self.assertEqual(AllowList(["keeps:Keeps.secret"]).given("keeps:Keeps.secret"), 1)

    def test_what_a_class_keeps_is_not_fetched(self):
        for find in (self.policy.attribute, self.policy.method):
            for name in ("kept", "computed", "Inner", "secret"):
                with self.assertRaises(ForbiddenGlobal):
                    find(self.module.Keeps, name)
        self.assertEqual(self.module.asked, [])

    def test_members_are_values_and_not_called(self):
        color = self.module.Color
        for entry in ("keeps", "keeps:Color", "keeps:Color.RED", "keeps:Color.*"):
            policy = AllowList([entry])
            policy.permits_class("keeps", "Color")
            self.assertIs(policy.attribute(color, "RED"), color.RED, entry)
            for call in (lambda: policy.to_call(color.RED), lambda: policy.method(color, "RED")):
                with self.assertRaises(ForbiddenGlobal):
                    call()
        with self.assertRaises(ForbiddenGlobal):
            AllowList(["keeps:Keeps"]).attribute(color, "RED")
        self.assertEqual(self.policy.to_call(self.policy.attribute(color.RED, "shown"))(), "shown")
        self.assertEqual(AllowList(["keeps:Color.__call__"]).to_call(color.RED)(), "called")

    def test_attributes_that_instances_share_are_not_changed(self):
        instances = Instances(self.policy)
        for cls, make in (("Shared", instances.new_to_change), ("SharedInInit", instances.call_class), ("SharedError", instances.call_class)):
            cls = getattr(self.module, cls)
            obj = make(cls, (), {}) if make == instances.new_to_change else make(cls, ())
            for state in ({"admin": True}, ({"admin": True}, None)):
                with self.assertRaises((ForbiddenGlobal, TypeError)):
                    instances.set_state(obj, state)
            self.assertEqual(cls.attributes, {"a": 1})
        for make in (lambda: instances.new_to_change(self.module.Plain, (), {}), lambda: instances.call_class(self.module.Plain, ())):
            obj = make()
            instances.set_state(obj, {"x": 1})
            instances.set_state(obj, {"y": 2})
            self.assertEqual(vars(obj), {"x": 1, "y": 2})

    def test_values_of_members_that_take_for_ever_to_visit(self):
        for value in ((1,), [1]):
            for _ in range(200):  # 2**200 when each is visited where it stands
                value = type(value)((value, value))
            with self.assertRaisesRegex(ForbiddenGlobal, "so large a value"):
                member_of_value(self.module.Color, value)
        self.assertIs(member_of_value(self.module.Color, 1), self.module.Color.RED)

    def test_stand_ins(self):
        made = make_standins(self.policy)
        self.assertIs(made["method"](self.module.Color, "RED"), self.module.Color.RED)
        with self.assertRaises(ForbiddenGlobal):
            made["to_call"](self.module.Color.RED)
