"""serialize and deserialize: values, failures, tables, reducers."""

import collections
import copyreg
import datetime
import decimal
import enum
import functools
import operator
import pickle
import sys
import threading
import types
import unittest
from unittest import mock

from gopyrpc import internal
from gopyrpc._pickling import pickler
from gopyrpc._tensors.table import receiving, sending
from gopyrpc.internal import DeserializeError, PythonUDF, SerializeError

from . import targets


class Colour(enum.Enum):
    RED = 1


class Refers:
    def __reduce__(self):
        return internal._receive_tensor, (0,)


class Loads:
    def __init__(self, data):
        self.data = data

    def __reduce__(self):
        return pickler.loads_alone, (self.data,)


class Handle_:
    """Goes to the tensor table in these tests, as a tensor would."""


class Refusing:
    """Like a meta tensor: its reducer refuses."""


class Nesting:
    """Serializes and loads other objects, some in vain, while it is pickled."""

    def __init__(self, inner, fail):
        self.inner, self.fail = inner, fail

    def __getstate__(self):
        if self.fail:
            try:
                internal.serialize([Handle_(), Refusing()])
            except SerializeError:
                pass
        return internal.serialize(self.inner), self.fail

    def __setstate__(self, state):
        (data, tensors), self.fail = state
        if self.fail:
            for bad in (b"garbage", data):
                try:
                    internal.deserialize(bad, ())
                except DeserializeError:
                    pass
        self.inner = internal.deserialize(data, tensors)


def refuse(obj):
    internal.to_table(Handle_())
    raise TypeError("refused")


class WithReducers(unittest.TestCase):
    def setUp(self):
        self.enterContext_(mock.patch.dict(pickler._reducers))
        internal.register_reducer(Handle_, internal.to_table)
        internal.register_reducer(Refusing, refuse)

    def enterContext_(self, manager):  # unittest has it from 3.11
        self.addCleanup(manager.__exit__, None, None, None)
        return manager.__enter__()

    def test_table(self):
        a, b = Handle_(), Handle_()
        data, table = internal.serialize([a, b, {"again": a}])
        self.assertEqual(table, [a, b])
        first, second, third = internal.deserialize(data, table)
        self.assertIs(first, a)
        self.assertIs(second, b)
        self.assertIs(third["again"], a)
        self.assertEqual(internal.deserialize(data, (1, 2, 3))[:2], [1, 2])

    def test_short_or_missing_table(self):
        data, table = internal.serialize([Handle_(), Handle_()])
        for short in ([], (), table[:1], None):
            with self.assertRaisesRegex(DeserializeError, "refers to tensor"):
                internal.deserialize(data, short)

    def test_index_is_validated(self):
        for index in (-1, 2, True, 1.0, "0", 1 << 70):
            data = pickle.dumps(_Call(internal._receive_tensor, index))
            with self.assertRaisesRegex(DeserializeError, "refers to tensor"):
                internal.deserialize(data, ["a", "b"])

    def test_failure_keeps_nothing(self):
        with self.assertRaises(SerializeError) as caught:
            internal.serialize([Handle_(), Refusing()])
        self.assertIsNone(sending.get())
        frame = caught.exception.__traceback__
        while frame is not None:
            self.assertFalse(frame.tb_frame.f_locals.get("tensors"))
            frame = frame.tb_next
        with self.assertRaises(DeserializeError):
            internal.deserialize(b"garbage", [1])
        self.assertIsNone(receiving.get())

    def test_nested_failures_do_not_corrupt_the_outer(self):
        for fail in (False, True):
            first, inner, last = Handle_(), Handle_(), Handle_()
            data, table = internal.serialize([first, Nesting(inner, fail), last])
            got = internal.deserialize(data, table)
            self.assertIs(got[0], first)
            self.assertIs(got[1].inner, inner)
            self.assertIs(got[2], last)

    def test_first_registration_stays_and_subclasses_are_unaffected(self):
        class Sub(Handle_):
            pass

        internal.register_reducer(Handle_, refuse)
        self.assertEqual(len(internal.serialize(Handle_())[1]), 1)
        globals()["Sub"] = Sub
        Sub.__qualname__ = "Sub"
        self.addCleanup(globals().pop, "Sub")
        self.assertEqual(internal.serialize(Sub())[1], [])
        for bad in ((1, refuse), (Handle_, 1)):
            with self.assertRaises(TypeError):
                internal.register_reducer(*bad)

    def test_calls_that_need_no_table_do_not_hide_those_that_do(self):
        plain = [(targets.add, (1, 2), {}), (operator.add, (1,), {"b": "c"}), (max, ([1, 2],), {})]
        others = [([].append, (1,), {}), (operator.add, (Handle_(),), {}), (max, (), {"key": Handle_()}), (Handle_, (), {})]
        for udf in map(PythonUDF._make, plain):
            self.assertIs(pickler.is_plain_call(udf), udf.func is not max, udf)  # a list in a tuple is not plain
            self.assertEqual(pickler.dump(udf), internal.serialize(udf))
        for udf in map(PythonUDF._make, others):
            self.assertIs(pickler.is_plain_call(udf), False, udf)
        for obj in ((max, (), {}), None, PythonUDF):
            self.assertIs(pickler.is_plain_call(obj), False, obj)
        self.assertEqual(len(internal.serialize(PythonUDF(max, (Handle_(),), {}))[1]), 1)

    def test_plain_is_what_it_is_otherwise(self):
        large = b"a" * pickler.LARGE
        scalars = [None, True, 1 << 100, 1.5, "text", b"bytes", bytearray(b"b"), large, large.decode(), bytearray(large)]
        calls = [
            (targets.add, (1, 2), {}),
            (operator.add, ("a",), {"b": b"c"}),
            (len, (large,), {}),
            (len, (), {"obj": large, "b": 1}),
            (targets.add, tuple(range(pickler.FEW)), {}),
        ]
        for obj in scalars + list(map(PythonUDF._make, calls)):
            made, wanted = pickler.dumps_plain(obj), pickler.serialize_parts(obj)
            self.assertEqual((made, []), wanted)
            for part, other in zip(made, wanted[0]):
                self.assertEqual(part is large, other is large)

    def test_what_is_not_plain(self):
        others = [
            ([].append, (1,), {}),  # takes the list along
            (operator.add, (Handle_(),), {}),
            (max, (), {"key": Handle_()}),
            (max, ([1],), {}),
            (max, ((),), {}),
            (max, (1j,), {}),
            (Handle_, (), {}),
            (targets.add, (0,) * (pickler.FEW + 1), {}),
            (targets.add, (), dict.fromkeys("abcdefghi")),
        ]
        for obj in [(), [], {}, Handle_(), 1j, PythonUDF, *map(PythonUDF._make, others)]:
            self.assertIsNone(pickler.dumps_plain(obj), obj)
        for cls in (types.BuiltinFunctionType, PythonUDF):
            with self.subTest(cls), mock.patch.dict(pickler._reducers):
                internal.register_reducer(cls, internal.to_table)
                self.assertIsNone(pickler.dumps_plain(PythonUDF(max, (1, 2), {})))

    def test_plain_that_cannot_be_pickled(self):
        for args in ((), (b"a" * pickler.LARGE,)):
            with self.assertRaisesRegex(SerializeError, "lambda"):
                pickler.dumps_plain(PythonUDF(lambda: 0, args, {}))

    def test_what_came_alone_has_no_table(self):
        refers = pickle.dumps(Refers())
        with self.assertRaisesRegex(DeserializeError, "refers to tensor 0, but 0 came with it"):
            pickler.loads_alone(refers)
        self.assertEqual(pickler.loads_alone(pickle.dumps((1, "a"))), (1, "a"))
        # Nor that of a deserialize in whose course it is read.
        inner = pickle.dumps(Loads(refers))
        with self.assertRaisesRegex(DeserializeError, "refers to tensor 0, but 0 came with it"):
            pickler.deserialize(inner, ["a tensor"])
        self.assertEqual(pickler.deserialize(refers, ["a tensor"]), "a tensor")

    def test_reducers_of_functions_and_calls_are_used(self):
        for cls in (types.BuiltinFunctionType, PythonUDF):
            with self.subTest(cls), mock.patch.dict(pickler._reducers):
                internal.register_reducer(cls, internal.to_table)
                self.assertEqual(len(internal.serialize(PythonUDF(max, (1, 2), {}))[1]), 1)

    def test_later_copyreg_registrations_are_seen(self):
        self.enterContext_(mock.patch.dict(copyreg.dispatch_table))
        copyreg.pickle(targets.Point, lambda p: (targets.add, (p.x, p.y)))
        data, _ = internal.serialize([Handle_(), targets.Point(1, 2)])
        self.assertEqual(internal.deserialize(data, [0])[1], 3)

    def test_all_values_this_way_too(self):
        Values.test_values(self)

    def test_threads_have_their_own_tables(self):
        failures = []

        def work():
            for fail in (False, True) * 100:
                mine = [Handle_(), Handle_(), Handle_()]
                sent = [mine[0], Nesting(mine[1], fail), mine[2]]
                got = internal.deserialize(*internal.serialize(sent))
                if [got[0], got[1].inner, got[2]] != mine:
                    failures.append(got)

        interval = sys.getswitchinterval()
        self.addCleanup(sys.setswitchinterval, interval)
        sys.setswitchinterval(1e-5)
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


class _Call:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


class Values(unittest.TestCase):
    def test_values(self):
        nan = float("nan")
        self_referential = []
        self_referential.append(self_referential)
        for value in (
            targets.add,
            len,
            int,
            targets.Point(1, 2),
            [].append,
            targets.Point.origin,
            functools.partial(targets.add, 1),
            operator.methodcaller("strip"),
            PythonUDF(targets.add, (1,), {"b": 2}),
            Colour.RED,
            decimal.Decimal("1.50"),
            datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc),
            collections.OrderedDict(a=1),
            {1, 2},
            range(5),
            Ellipsis,
            2**200,
            "a\ud800b",
            b"a\0b",
            bytearray(b"x"),
        ):
            with self.subTest(repr(value)):
                got = internal.deserialize(*internal.serialize(value))
                self.assertIs(type(got), type(value))
                if not callable(value) or isinstance(value, (type, types.FunctionType)):
                    self.assertEqual(got, value)
        got = internal.deserialize(*internal.serialize([nan, self_referential]))
        self.assertNotEqual(got[0], got[0])
        self.assertIs(got[1][0], got[1])

    def test_input_types_protocols_and_trailing_bytes(self):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            data = pickle.dumps({"a": [1, 2.5, "x", targets.add]}, protocol)
            for kind in (bytes, bytearray, memoryview):
                got = internal.deserialize(kind(data + b"trailing"))
                self.assertEqual(got, {"a": [1, 2.5, "x", targets.add]})

    def test_exception_instances_are_values(self):
        for exc in (AttributeError("mine"), DeserializeError("d"), SystemExit(3)):
            got = internal.deserialize(internal.serialize(exc)[0])
            self.assertIs(type(got), type(exc))
            self.assertEqual(got.args, exc.args)

    def test_names_on_the_wire(self):
        for value in (
            PythonUDF(len, (), {}),
            internal.RemoteException("x", KeyError),
            DeserializeError("x"),
        ):
            data, _ = internal.serialize(value)
            self.assertIn(b"gopyrpc.internal", data)
            self.assertNotIn(b"gopyrpc._", data)

    def test_exec_mode(self):
        mode = internal.RPCExecMode
        self.assertEqual([m.value for m in mode], ["sync", "async", "async_jit", "remote"])
        self.assertIs(mode.ASYNC_JIT, internal.RPCExecMode("async_jit"))
        with self.assertRaises(AttributeError):
            internal.no_such_name


if __name__ == "__main__":
    unittest.main()
