"""The allow-list: nothing that it does not name is called, whatever the route."""

import copyreg
import datetime
import decimal
import functools
import operator
import os
import pickle
import struct
import sys
import unittest

from pyrpc._handle import make_handle
from pyrpc._opcodes import is_plain
from pyrpc._policy import DEFAULT_ALLOWED, AllowList
from pyrpc.internal import DeserializeError, ForbiddenGlobal, PythonUDF

from . import targets

T = targets.__name__
fired = []


def fire(*args):
    """What an attack would call; never on any list here."""
    fired.append(args)
    return fire


class Bomb:
    def __reduce__(self):
        return fire, ("reduce",)


class Call:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def short(text):
    text = text.encode()
    return b"\x8c" + bytes([len(text)]) + text


def stack_global(module, name):
    return short(module) + short(name) + b"\x93"


class PolicyTest(unittest.TestCase):
    def setUp(self):
        fired.clear()
        targets.calls.clear()

    def forbidden(self, entries, data, name=None):
        policy = entries if isinstance(entries, AllowList) else AllowList(entries)
        handle = make_handle(allow=policy)
        for function in (handle.deserialize, handle.run):
            with self.assertRaises(DeserializeError) as caught:
                function(data)
            cause = caught.exception.__cause__
            self.assertIsInstance(cause, ForbiddenGlobal, data)
            self.assertIsInstance(cause, pickle.UnpicklingError)
            if name is not None:
                self.assertEqual(cause.global_name, name)
                self.assertIn(name, str(caught.exception))
        self.assertEqual((fired, targets.calls), ([], []))

    def allowed(self, entries, value, protocol=5):
        handle = make_handle(allow=entries)
        got = handle.deserialize(pickle.dumps(value, protocol))
        self.assertIs(type(got), type(value))
        return got


class Entries(PolicyTest):
    def test_forms(self):
        call = pickle.dumps(PythonUDF(targets.add, (1, 2), {}))
        for entry in (T, f"{T}:add", f"{T}:ad*", f"{T}:*", "pytests.*"):
            self.assertEqual(make_handle(allow=[entry]).run(call)[-2:], b"\x03.")
        for entry in (f"{T}:ad", f"{T}:add.x", "pytests", "targets", f"{T}s", "pytest.*", f"{T}.*"):
            self.forbidden([entry], call, f"{T}:add")
        self.forbidden([], call, f"{T}:add")

    def test_bad_entries(self):
        for entry in ("", "*", ".*", "a..b", ":f", "m:", "m:*x", "m:a*b*", "m:a:b", "a b", "m*"):
            with self.assertRaises(ValueError):
                AllowList([entry])
        for entries in ("os", b"os", [5], [None]):
            with self.assertRaises(TypeError):
                AllowList(entries)

    def test_defaults_are_enough_for_plain_values(self):
        for value in (
            {1, "x"}, frozenset([1]), 1j, bytearray(b"x"), range(3), slice(1, 2),
            datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc),
            datetime.timedelta(1), decimal.Decimal("1.5"), ValueError("x", 1),
            OSError(2, "x"), Ellipsis, [int, str, ValueError],
        ):
            for protocol in (0, 2, 5):
                with self.subTest(repr(value), protocol=protocol):
                    got = self.allowed([], value, protocol)
                    if not isinstance(value, Exception):
                        self.assertEqual(got, value)
        for name in DEFAULT_ALLOWED:
            for bad in ("eval", "exec", "getattr", "open", "type", "__import__", "compile"):
                self.assertNotEqual(name, f"builtins:{bad}")

    def test_enums(self):
        for protocol in range(6):
            self.allowed([f"{T}:Colour", f"{T}:Colour.RED"], targets.Colour.RED, protocol)
            self.allowed([T], targets.Permissions.R | targets.Permissions.W, protocol)

    def test_instances_and_methods_of_allowed_classes(self):
        point = targets.Point(1, 2)
        for protocol in (0, 2, 5):
            self.assertEqual(self.allowed([f"{T}:Point"], point, protocol), point)
        self.assertEqual(self.allowed([T], point.total)(), 3)
        self.assertEqual(self.allowed([T], targets.Point.origin)(), targets.Point(0, 0))
        self.assertEqual(self.allowed([T], targets.Point.unit)(), 1)
        self.forbidden([f"{T}:Point"], pickle.dumps(point.total))
        entries = [f"{T}:Point", f"{T}:Point.total"]
        self.assertEqual(self.allowed(entries, point.total)(), 3)


class Escapes(PolicyTest):
    def test_calls(self):
        for function, args in (
            (os.system, ("true",)),
            (eval, ("1",)),
            (exec, ("1",)),
            (fire, ()),
            (getattr, (os, "system")),
            (__import__, ("os",)),
            (functools.partial, (fire,)),
            (functools.reduce, (fire, [1, 2])),
            (operator.attrgetter, ("x",)),
            (operator.methodcaller, ("x",)),
            (map, (fire, [1])),
            (type, ("X", (), {})),
            (open, ("/dev/null",)),
            (pickle.loads, (b"N.",)),
        ):
            for protocol in range(6):
                with self.subTest(function.__qualname__, protocol=protocol):
                    try:
                        data = pickle.dumps(Call(function, *args), protocol)
                    except TypeError:  # cannot pickle module: spell it out
                        data = b"cbuiltins\ngetattr\n(cos\n__name__\nVx\ntR."
                    self.forbidden([T], data)

    def test_each_opcode_that_calls(self):
        me = __name__.encode()
        for data in (
            b"c" + me + b"\nfire\n(tR.",  # GLOBAL, REDUCE
            b"(i" + me + b"\nfire\n.",  # INST
            b"(c" + me + b"\nfire\no.",  # OBJ
            b"\x80\x02c" + me + b"\nBomb\n)\x81.",  # NEWOBJ
            b"\x80\x04" + stack_global(__name__, "Bomb") + b")}\x92.",  # NEWOBJ_EX
            b"\x80\x04" + stack_global(__name__, "fire") + b")R.",
            pickle.dumps([1, Bomb()]),
            pickle.dumps({"x": (Bomb(),)}, 0),
        ):
            self.forbidden([T], data)

    def test_nothing_runs_before_the_refusal(self):
        data = pickle.dumps([1, Bomb(), Call(targets.record, 1)])
        self.forbidden([T], data)
        # Modules that are not listed are not even imported.
        self.assertNotIn("this", sys.modules)
        self.forbidden([T], b"cthis\nd\n.", "this:d")
        self.assertNotIn("this", sys.modules)

    def test_imports_and_aliases_of_an_allowed_module(self):
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
            data = b"\x80\x04" + stack_global(T, name) + b"."
            with self.subTest(name):
                for entry in (T, "pytests.*", f"{T}:*"):
                    handle = make_handle(allow=[entry])
                    with self.assertRaises(DeserializeError):
                        handle.deserialize(data)
        # Not even if it is listed by name: it leads through a module.
        self.forbidden([f"{T}:os.system"], b"\x80\x04" + stack_global(T, "os.system") + b".")
        # By its own name an alias can be listed.
        self.assertIs(
            make_handle(allow=[f"{T}:shout"]).deserialize(b"c%s\nshout\n." % T.encode()),
            os.system,
        )

    def test_guarded_getattr(self):
        get = b"cbuiltins\ngetattr\n"
        point = b"c%s\nPoint\n" % T.encode()
        instance = b"(K\x01K\x02" + b"i%s\nPoint\n" % T.encode()
        for target in (point, instance, b"Vtext\n", b"cbuiltins\nstr\n", b"c%s\nadd\n" % T.encode()):
            for name in (
                "__class__", "__init__", "__globals__", "__subclasses__", "escape",
                "borrowed", "format", "mro", "nope", "__dict__", "__reduce__",
            ):
                self.forbidden([T], get + b"(" + target + b"V" + name.encode() + b"\ntR.")
        self.forbidden([T], get + b"(" + point + b"K\x01tR.")

    def test_codecs(self):
        for text, encoding in ((b"Vx\n", b"Vzlib\n"), (b"K\x01", b"Vlatin1\n"), (b"Vx\n", b"K\x01")):
            self.forbidden([T], b"c_codecs\nencode\n(" + text + encoding + b"tR.")

    def test_extension_codes(self):
        code = 240
        copyreg.add_extension(__name__, "fire", code)
        self.addCleanup(copyreg.remove_extension, __name__, "fire", code)
        datas = [
            b"\x80\x02\x82" + bytes([code]) + b")R.",
            b"\x80\x02\x83" + struct.pack("<H", code) + b")R.",
            b"\x80\x02\x84" + struct.pack("<i", code) + b")R.",
        ]
        for data in datas:
            self.forbidden([T], data)
        self.assertIs(pickle.loads(datas[0][:-3] + b"."), fire)  # now it is cached
        self.assertIn(code, copyreg._extension_cache)
        for data in datas:
            self.forbidden([T], data)

    def test_build_changes_instances_only(self):
        add = b"c%s\nadd\n" % T.encode()
        point = b"c%s\nPoint\n" % T.encode()
        for target in (add, point, b"cbuiltins\ngetattr\n", b"cpyrpc.internal\n_remote_exception\n"):
            for state in (b"(dV__defaults__\n(K\x09ts", b"(dVtotal\nNs"):
                self.forbidden([T], b"\x80\x02" + target + state + b"b.")
                self.forbidden([T], b"\x80\x02" + target + b"N" + state + b"\x86b.")
        self.assertEqual(targets.add(1), 1)

    def test_memo_index_and_lengths(self):
        handle = make_handle(allow=[T])
        for data in (
            b"\x80\x02Nr\xff\xff\xff\xff.",
            b"Np4294967295\n.",
            b"Np +42_94967295\n.",
            b"\x80\x05\x96" + (1 << 40).to_bytes(8, "little") + b"x.",
        ):
            self.assertFalse(is_plain(data))
            try:
                self.assertIsNone(handle.deserialize(data))
            except DeserializeError:
                pass

    def test_nested_tuples_do_not_exhaust_the_c_stack(self):
        handle = make_handle(allow=[])
        deep = b"\x80\x04}N" + b"\x85" * 300_000 + b"Ns."
        with self.assertRaisesRegex(DeserializeError, "nested too deeply"):
            handle.deserialize(deep)
        # Tuples by way of a namedtuple are no way round it.
        udf = stack_global("pyrpc.internal", "PythonUDF") + b"\x94"
        deep = b"\x80\x04}" + udf + b"0" + b"h\x00" * 3000 + b"N"
        deep += b"NN\x87\x81" * 3000 + b"Ns."
        with self.assertRaisesRegex(DeserializeError, "nested too deeply"):
            handle.deserialize(deep)
        many = [(i, (i,)) for i in range(5000)]
        self.assertEqual(handle.deserialize(pickle.dumps(many)), many)


if __name__ == "__main__":
    unittest.main()
