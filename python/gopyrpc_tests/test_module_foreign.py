"""RPC modules that are not ours: a stand-in with torch's habits, on any Python."""

import collections
import io
import pickle
import sys
import threading
import types
import unittest

from gopyrpc._module.handle import make_handle
from gopyrpc.internal import DeserializeError, RemoteError, SerializeError

from . import targets

PythonUDF = collections.namedtuple("PythonUDF", "func args kwargs")
RemoteException = collections.namedtuple("RemoteException", "msg exception_type")
SUFFIX = " Default RPC pickler does not serialize\n            function code."


def make_module(agent):
    """A module that fails in the ways in which torch's has been seen to fail."""
    module = types.ModuleType("habitual")
    tables = module._thread_local_tensor_tables = threading.local()
    module.RemoteException = RemoteException
    module.printed = io.StringIO()

    def serialize(obj):
        outer = getattr(tables, "send_tables", None)
        tables.send_tables = []
        data = pickle.dumps(obj)
        if outer is None:
            del tables.send_tables
        else:
            tables.send_tables = outer
        return data, []

    def deserialize(data, table):
        tables.recv_tables = table
        try:
            result = pickle.loads(data)
        except AttributeError as exc:
            result = AttributeError(str(exc) + SUFFIX)
            result.__cause__ = exc
        del tables.recv_tables
        return result

    def _run_function(udf):
        try:
            return udf.func(*udf.args, **udf.kwargs)
        except Exception as exc:
            if not agent:
                raise RuntimeError("Current RPC agent is not set! Did you initialize?")
            text = f"On w1:\n{exc!r}\n"
            print(text, file=module.printed)
            return RemoteException(text, type(exc))

    def _handle_exception(result):
        if isinstance(result, RemoteException):
            text = result.msg.encode("utf-8").decode("unicode_escape")
            raise result.exception_type(text)

    for function in (serialize, deserialize, _run_function, _handle_exception):
        setattr(module, function.__name__, function)
    return module


class Habits(unittest.TestCase):
    agent = True

    def setUp(self):
        self.module = make_module(self.agent)
        sys.modules["habitual"] = self.module
        self.addCleanup(sys.modules.pop, "habitual", None)
        self.handle = make_handle("habitual")

    def run_(self, function, *args):
        data = pickle.dumps(PythonUDF(function, args, {}))
        return self.handle.deserialize(self.handle.run(data))

    def raised(self, result):
        self.assertTrue(self.handle.is_remote_exception(result))
        try:
            self.handle.handle_exception(result)
        except Exception as exc:
            return exc
        self.fail("nothing raised")

    def tables(self):
        return vars(self.module._thread_local_tensor_tables)


class WithAgent(Habits):
    def test_run_function_alone(self):
        self.assertEqual(self.handle.run_function(PythonUDF(sum, ([1, 2],), {})), 3)

    def test_results_and_exceptions(self):
        self.assertEqual(self.run_(targets.add, 1, 2), 3)
        exc = self.raised(self.run_(targets.add, 1, "x"))
        self.assertIs(type(exc), TypeError)
        self.assertIn("On w1:", str(exc))

    def test_failed_load_is_raised(self):
        data = b"cgopyrpc_tests.targets\nmissing\n."
        for function in (self.handle.run, self.handle.deserialize):
            with self.assertRaisesRegex(DeserializeError, "missing") as caught:
                function(data)
            self.assertIs(type(caught.exception.__cause__), AttributeError)
            self.assertNotIn("Default RPC pickler", str(caught.exception))

    def test_sent_attribute_error_is_a_value(self):
        for exc in (AttributeError("mine"), AttributeError("mine" + SUFFIX)):
            got = self.handle.deserialize(pickle.dumps(exc))
            self.assertEqual(got.args, exc.args)

    def test_failures_leave_no_tables(self):
        self.tables()["kept"] = 1
        with self.assertRaises(DeserializeError):
            self.handle.deserialize(b"garbage", ["tensor"])
        with self.assertRaises(SerializeError):
            self.handle.serialize(lambda: None)
        with self.assertRaises(DeserializeError):
            self.handle.deserialize(pickle.dumps(targets.RaisesOnLoad(SystemExit(1))))
        self.assertEqual(self.tables(), {"kept": 1})

    def test_base_exceptions_become_results(self):
        for function, name in (
            (targets.exit_now, "SystemExit"),
            (targets.interrupt, "KeyboardInterrupt"),
            (targets.close_generator, "GeneratorExit"),
        ):
            exc = self.raised(self.run_(function))
            self.assertIs(type(exc), RuntimeError)
            self.assertIn(name, str(exc))

    def test_own_error_handling_fails(self):
        exc = self.raised(self.run_(throw_bad_repr))
        self.assertIs(type(exc), targets.BadRepr)
        self.module.printed.close()
        exc = self.raised(self.run_(targets.add, 1, "x"))
        self.assertIs(type(exc), TypeError)

    def test_unpicklable_class_falls_back_to_its_base(self):
        exc = self.raised(self.run_(throw_local))
        self.assertIs(type(exc), KeyError)
        self.assertIn("Local", str(exc))

    def test_text_that_decoding_would_garble(self):
        for text in ("C:\\users\\x", "C:\\new", "lone \ud800", "w\xf6rld", "a\0b", "\\"):
            for cls in (ValueError, KeyError, targets.OneArg):
                with self.subTest(text=text, cls=cls):
                    exc = self.raised(RemoteException(text, cls))
                    self.assertIs(type(exc), cls)
                    self.assertEqual(exc.args, (text,))

    def test_rebuilding_fails(self):
        for value in (
            RemoteException("text", targets.TwoArgs),
            RemoteException("text", UnicodeDecodeError),
            RemoteException("text", SystemExit),
            RemoteException("text", print),
            RemoteException("text", None),
            RemoteException(5, ValueError),
        ):
            with self.subTest(repr(value)):
                exc = self.raised(value)
                self.assertIs(type(exc), RemoteError)
                self.assertEqual(exc.message, str(value.msg))

    def test_values_are_not_raised(self):
        for value in (1, [RemoteException("x", KeyError)], ValueError()):
            self.assertIsNone(self.handle.handle_exception(value))

    def test_context_variables_do_not_leak(self):
        for _ in range(2):
            self.assertEqual(self.run_(targets.set_context, "mine"), "unset")
        self.assertEqual(targets.context.get(), "unset")

    def test_max_payload(self):
        handle = make_handle("habitual", max_payload=3)
        with self.assertRaisesRegex(DeserializeError, "allowed are 3"):
            handle.run(b"1234")


class Transparent(Habits):
    """A module whose _run_function catches nothing."""

    def test_the_exception_itself_arrives(self):
        module = make_module(True)
        module._run_function = lambda udf: udf.func(*udf.args, **udf.kwargs)
        sys.modules["habitual"] = module
        self.handle = make_handle("habitual")
        exc = self.raised(self.run_(throw_with_context))
        self.assertIs(type(exc), ValueError)


class WithoutAgent(Habits):
    agent = False

    def test_the_true_exception_arrives(self):
        exc = self.raised(self.run_({}.__getitem__, "key"))
        self.assertIs(type(exc), KeyError)
        self.assertIn("On pid", str(exc))
        self.assertNotIn("agent is not set", str(exc))


def throw_bad_repr():
    raise targets.BadRepr("x")


def throw_with_context():
    try:
        raise KeyError("inner")
    except KeyError:
        raise ValueError("outer")


def throw_local():
    class Local(KeyError):
        pass

    raise Local("x")


if __name__ == "__main__":
    unittest.main()
