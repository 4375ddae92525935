"""Exceptions that programs for torch.distributed.rpc catch, by torch's classes and texts."""

import pickle
import threading
import unittest

from gopyrpc import WorkerInfo, internal
from gopyrpc._rpc import hosts
from gopyrpc._rpc.workers import name_of
from gopyrpc.internal import DeserializeError, InvalidDestination, SerializeError, UnknownWorker

from .targets import RaisesOnDump
from .test_exceptions import raised


def raise_it(exc):
    raise exc


class Pickling(unittest.TestCase):
    def test_what_pickle_raised_can_be_caught(self):
        for what, kind in (
            (threading.Lock(), TypeError),
            (RaisesOnDump(AttributeError("a")), AttributeError),
            (RaisesOnDump(pickle.PicklingError("p")), pickle.PicklingError),
            (RaisesOnDump(RuntimeError("Can not pickle torch.futures.Future")), RuntimeError),
        ):
            with self.subTest(repr(kind)), self.assertRaises(kind) as caught:
                internal.serialize(what)
            self.assertIsInstance(caught.exception, SerializeError)
            self.assertIsInstance(caught.exception, RuntimeError)
            self.assertIs(type(caught.exception.__cause__), kind)

    def test_a_function_that_the_callee_lacks(self):
        with self.assertRaisesRegex(RuntimeError, "Default RPC pickler does not serialize function code") as caught:
            internal.deserialize(b"cgopyrpc_tests.targets\nmissing\n.")
        self.assertIs(type(caught.exception), DeserializeError)

    def test_they_arrive_as_what_they_are(self):
        for kind in (internal.SerializeTypeError, internal.SerializeAttributeError, internal.SerializePicklingError,
                     UnknownWorker, InvalidDestination):
            got = raised(raise_it, kind("text"))
            self.assertIs(type(got), kind)
            self.assertEqual(str(got), "text")


class Destinations(unittest.TestCase):
    def test_of_nobody(self):
        host = hosts.Host("w0", 0, {"w0": 0, "w1": 1}, 60.0, {})
        for to, words in (("w9", "could not find destination name w9"), (9, "could not find destination id 9")):
            for kind in (RuntimeError, ValueError, UnknownWorker):
                with self.assertRaisesRegex(kind, words):
                    name_of(host, to)
        for to in (0.5, None, True, b"w1"):
            for kind in (ValueError, TypeError, InvalidDestination):
                with self.subTest(to), self.assertRaisesRegex(kind, "Cannot get WorkerInfo from name"):
                    name_of(host, to)

    def test_names_of_workers(self):
        for name in ("abc*", " ", "a b", "", "a" * 129, "wörker"):
            with self.subTest(name), self.assertRaisesRegex(RuntimeError, "Worker name must match .* non-empty and shorter than 128"):
                WorkerInfo(name, 0)
        for wrong in ((b"w", 0), ("w", "0"), ("w", None)):
            with self.subTest(wrong), self.assertRaises(TypeError):
                WorkerInfo(*wrong)
        self.assertEqual(repr(WorkerInfo("ok_-:9", 3)), "WorkerInfo(id=3, name=ok_-:9)")


if __name__ == "__main__":
    unittest.main()
