"""make_handle: the one crossing, its limits, and what it refuses to start with."""

import contextvars
import pickle
import subprocess
import sys
import types
import unittest
from unittest import mock

import gopyrpc
from gopyrpc import internal
from gopyrpc._pickling import pickler
from gopyrpc._module.handle import check_module, make_handle
from gopyrpc.internal import DeserializeError, PythonUDF, RemoteError, SerializeError

from . import targets


def udf(function, *args):
    return pickle.dumps(PythonUDF(function, args, {}), 5)


class Boxed:
    """Goes to the tensor table."""


class Run(unittest.TestCase):
    def setUp(self):
        self.handle = make_handle()

    def run_(self, function, *args):
        return self.handle.deserialize(self.handle.run(udf(function, *args)))

    def test_result_is_bytes(self):
        for kind in (bytes, bytearray, memoryview):
            result = self.handle.run(kind(udf(targets.add, 1, 2)))
            self.assertIs(type(result), bytes)
            self.assertEqual(pickle.loads(result), 3)
        self.assertEqual(self.run_(targets.echo, b"x" * 10**6), b"x" * 10**6)

    def test_failure_is_a_result(self):
        result = self.run_(targets.exit_now)
        self.assertTrue(self.handle.is_remote_exception(result))
        with self.assertRaises(RemoteError):
            self.handle.handle_exception(result)
        self.assertFalse(self.handle.is_remote_exception(ValueError()))
        self.assertIsNone(self.handle.handle_exception(5))

    def test_no_result(self):
        with self.assertRaises(DeserializeError):
            self.handle.run(b"garbage")
        with self.assertRaises(SerializeError):
            self.handle.run(udf(targets.make_unpicklable))
        with self.assertRaises(DeserializeError):
            self.handle.run(pickle.dumps(targets.RaisesOnLoad(SystemExit(3))))

    def test_context_covers_pickling(self):
        data = contextvars.Context().run(udf, targets.echo, SetsContext())
        self.handle.run(data)
        self.assertEqual(targets.context.get(), "unset")

    def test_steps(self):
        handle = self.handle
        data, tensors = handle.serialize(PythonUDF(targets.add, (1, 2), {}))
        self.assertEqual(handle.run_function(handle.deserialize(data, tensors)), 3)
        self.assertIs(handle.module, internal)
        self.assertEqual(
            sorted(handle.names),
            ["_handle_exception", "_run_function", "deserialize", "serialize"],
        )

    def test_tensors(self):
        patch = mock.patch.dict(pickler._reducers)
        patch.start()
        self.addCleanup(patch.stop)
        internal.register_reducer(Boxed, internal.to_table)
        box = Boxed()
        data, tensors = self.handle.serialize(PythonUDF(targets.echo, ([box],), {}))
        result = self.handle.run(data, tensors)
        self.assertEqual(result[1], [box])
        self.assertIs(self.handle.deserialize(*result)[0], box)
        self.assertIs(type(self.handle.run(udf(targets.add, 1, 2), [])), bytes)
        with self.assertRaises(DeserializeError):
            self.handle.run(data)

    def test_hostile_result_is_no_remote_exception(self):
        class Liar:
            __class__ = internal.RemoteException

        self.assertFalse(self.handle.is_remote_exception(Liar()))
        self.assertIsNone(self.handle.handle_exception(Liar()))


class SetsContext:
    def __reduce__(self):
        targets.context.set("dumping")
        return targets.set_context, ("loading",)


class Limits(unittest.TestCase):
    def test_max_payload(self):
        data = udf(targets.add, 1, 2)
        handle = make_handle(max_payload=len(data))
        handle.run(data)
        handle.run(memoryview(data))
        for function in (handle.run, handle.deserialize):
            for big in (data + b"x", memoryview(data + b"x"), bytearray(data + b"x")):
                with self.assertRaisesRegex(DeserializeError, f"allowed are {len(data)}"):
                    function(big)
        for handle in (make_handle(max_payload=10), make_handle(allow=[]), make_handle()):
            for bad in ("text", 5, None):
                with self.assertRaises(DeserializeError):
                    handle.run(bad)
        wide = memoryview(bytes(8)).cast("Q")  # one element, eight bytes
        with self.assertRaisesRegex(DeserializeError, "8 bytes"):
            make_handle(max_payload=4).run(wide)
        for bad in (-1, 1.5, "1", True):
            with self.assertRaises(ValueError):
                make_handle(max_payload=bad)


class Modules(unittest.TestCase):
    def module(self, **members):
        module = types.ModuleType("fake_rpc")
        vars(module).update(members)
        sys.modules["fake_rpc"] = module
        self.addCleanup(sys.modules.pop, "fake_rpc", None)
        return module

    def test_one_error_names_all_that_is_wrong(self):
        module = self.module(serialize=5, deserialize=print)
        self.assertEqual(
            check_module(module),
            [
                "it has no _run_function",
                "it has no _handle_exception",
                "its serialize is not callable",
            ],
        )
        with self.assertRaises(AttributeError) as caught:
            make_handle("fake_rpc")
        for problem in check_module(module):
            self.assertIn(problem, str(caught.exception))
        self.module(serialize=5, deserialize=6, _run_function=7, _handle_exception=print)
        with self.assertRaisesRegex(TypeError, "_run_function.*serialize.*deserialize"):
            make_handle("fake_rpc")
        with self.assertRaises(ModuleNotFoundError):
            make_handle("no_such_rpc_module")
        self.assertEqual(check_module(internal), [])

    def test_callable_instances_are_functions(self):
        self.module(
            serialize=mock.Mock(return_value=(b"s", [])),
            deserialize=mock.Mock(return_value="udf"),
            _run_function=mock.Mock(return_value="result"),
            _handle_exception=mock.Mock(return_value=None),
        )
        handle = make_handle("fake_rpc")
        self.assertEqual(handle.run(b"data"), b"s")
        handle.names["serialize"].assert_called_once_with("result")
        self.assertIsNone(handle.handle_exception("result"))

    def test_allow_list_is_for_our_module_only(self):
        self.module()
        with self.assertRaises(ValueError):
            make_handle("fake_rpc", allow=[])
        with self.assertRaises(ValueError):
            make_handle(allow=["bad entry"])

    def test_later_patches_are_not_seen(self):
        handle = make_handle()
        with mock.patch.object(internal, "serialize", None):
            self.assertEqual(handle.serialize(3), (pickle.dumps(3, 5), []))


class Importing(unittest.TestCase):
    def test_import_is_cheap(self):
        code = (
            "import sys; before = set(sys.modules); import gopyrpc;"
            "from gopyrpc._module.handle import make_handle; from gopyrpc import internal;"
            "udf = internal.PythonUDF(len, ('ab',), {});"
            "assert make_handle().run(internal.serialize(udf)[0])[-2:] == b'\\x02.';"
            "print(*sorted(set(sys.modules) - before))"
        )
        path = [p for p in sys.path if p]
        out = subprocess.run(
            [sys.executable, "-S", "-c", "import sys; sys.path = %r; %s" % (path, code)],
            check=True,
            stdout=subprocess.PIPE,
            universal_newlines=True,
        ).stdout.split()
        for name in ("pickle", "re", "enum", "traceback", "logging", "torch", "numpy",
                     "gopyrpc._restricted.allow_list", "gopyrpc._module.torch_module", "gopyrpc._rpc"):
            self.assertNotIn(name, out)

    def test_names(self):
        for name in set(gopyrpc.__all__) - {*gopyrpc._LAZY, *gopyrpc._MODULES}:
            self.assertIs(getattr(gopyrpc, name), getattr(internal, name))
            self.assertEqual(getattr(internal, name).__module__, "gopyrpc.internal")
        for name in (*gopyrpc._LAZY, *gopyrpc._MODULES):
            self.assertIsNotNone(getattr(gopyrpc, name))
        for name in internal._WITH_AGENT:  # these are names in pickles
            self.assertEqual(getattr(internal, name).__module__, "gopyrpc.internal")
        for name in internal.__all__:
            getattr(internal, name)


if __name__ == "__main__":
    unittest.main()
