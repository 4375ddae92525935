"""RRefProxy: special methods go to the value; what libraries look up of any object does not."""

import asyncio
import collections
import contextvars
import copy
import dataclasses
import functools
import inspect
import operator
import os
import pickle
import pprint
import sqlite3
import typing
import unittest
from unittest import mock

from gopyrpc._rpc import hosts
from gopyrpc._restricted.allow_list import AllowList
from gopyrpc._rpc.caller import Caller
from gopyrpc._rpc.rref import RRef, RRefProxy, _call_method, _check_value, _receive_rref, _type_of_value, arriving
from gopyrpc.internal import ForbiddenGlobal

from . import targets
from .torch_targets import torch

try:
    import numpy
except ImportError:
    numpy = None


class Nobody:
    """Stands for an RRef, in one process."""

    def _open_host(self, what):
        pass

    def owner_name(self):
        return "w1"


def proxy():
    return RRefProxy(Nobody(), call, -1.0)


def call(to, func, args, timeout):
    _, name, args, kwargs = args
    return to, name, args, kwargs


SPECIAL = """
    __call__ __len__ __length_hint__ __getitem__ __setitem__ __delitem__ __contains__ __iter__ __next__ __reversed__
    __missing__ __enter__ __exit__ __aenter__ __aexit__ __await__ __aiter__ __anext__ __add__ __radd__ __iadd__
    __matmul__ __rmatmul__ __neg__ __invert__ __divmod__ __pow__ __bool__ __int__ __float__ __complex__ __index__
    __round__ __bytes__ __fspath__ __del__ __instancecheck__ __users_own__
""".split()


class Specials(unittest.TestCase):
    def test_go_to_the_owner(self):
        for name in SPECIAL:
            got = getattr(proxy(), name)(1, k=2)
            self.assertEqual(got, ("w1", name, (1,), {"k": 2}))

    def test_what_every_object_has_is_the_proxys(self):
        one = proxy()
        for name in ("__repr__", "__eq__", "__hash__", "__class__", "__dict__", "__reduce_ex__", "__init__"):
            self.assertEqual(getattr(one, name), getattr(one, name))
            self.assertNotIsInstance(getattr(one, name), functools.partial)

    def test_under_an_allow_list_by_their_own_name_only(self):
        name, point = targets.__name__, targets.Point(1, 2)
        for entries in ([name], [f"{name}:*"], [f"{name}:Point*"], [f"{name}:Point"]):
            with self.assertRaises(ForbiddenGlobal):
                AllowList(entries).method(point, "__eq__")
        allowed = AllowList([f"{name}:Point.__eq__"])
        self.assertIs(allowed.method(point, "__eq__")(point), True)
        for other in ("__init__", "__setattr__"):
            with self.assertRaises(ForbiddenGlobal):
                allowed.method(point, other)


    def test_a_method_is_what_the_class_defines(self):
        whole = AllowList([targets.__name__, "collections"])
        point = targets.Point(1, 2)
        point.total = os.getpid  # what an instance has is no method
        self.assertEqual(whole.method(point, "total")(), 3)
        self.assertEqual(whole.method(targets.Point, "origin")(), targets.Point(0, 0))
        self.assertEqual(whole.method(point, "unit")(), 1)
        self.assertEqual(whole.method(collections.deque([2]), "pop")(), 2)
        for name in ("escape", "borrowed", "x", "nope", "__dict__", "__class__", 7, Nobody()):
            with self.assertRaises(ForbiddenGlobal, msg=name):
                whole.method(point, name)
        # By its own name an alias can be listed, and a property cannot.
        exact = AllowList([f"{targets.__name__}:Point.borrowed", f"{targets.__name__}:Point.__dict__"])
        self.assertIs(exact.method(point, "borrowed"), operator.add)
        with self.assertRaises(ForbiddenGlobal):
            exact.method(point, "__dict__")

    def test_an_rref_is_one_by_its_class(self):
        class Fake(RRef):
            def local_value(self):
                return targets.Point(1, 2)

        for fake in (Nobody(), Fake.__new__(Fake)):
            with self.assertRaisesRegex(TypeError, "expected an RRef, got .*(Nobody|Fake)"):
                _call_method(fake, "total", (), {})
            with self.assertRaisesRegex(TypeError, "expected an RRef, got .*(Nobody|Fake)"):
                _type_of_value(fake)
            with self.assertRaisesRegex(TypeError, "expected an RRef, got .*(Nobody|Fake)"):
                _check_value(fake, "total")

    def test_guests_send_none(self):
        host = hosts.Host("w0", 0, {"w0": 0, "w1": 1}, 0, {"adopt": lambda fork: ("Internal", "w0", True, "asked")})

        def receive(name, request):
            Caller(host, name).enter()
            arriving.set([] if request else None)
            _receive_rref(b"a fork")

        with self.assertRaisesRegex(TypeError, "cli is a guest here"):
            contextvars.Context().run(receive, "cli", True)
        for who, request in ("w1", True), ("cli", False):  # in a reply to what serving it asked another
            with self.assertRaisesRegex(RuntimeError, "asked"):
                contextvars.Context().run(receive, who, request)

    def test_the_state_of_an_rref_cannot_be_set(self):
        rref = RRef.__new__(RRef)
        with self.assertRaises(TypeError):
            rref.__setstate__((None, {"_handle": 1}))


def inspected(one):
    for name, function in inspect.getmembers(inspect, callable):
        if name.startswith(("is", "get", "unwrap", "signature")) and name != "getargspec":  # deprecated
            try:
                function(one)
            except (TypeError, AttributeError, ValueError):
                pass


def autospecced(one):
    mock.create_autospec(one)
    mock.Mock(spec=one)


def as_bases(one):
    with unittest.TestCase().assertRaises(TypeError):
        type("Derived", (one,), {})
    with unittest.TestCase().assertRaises(TypeError):
        isinstance(1, one)


class LookedUp(unittest.TestCase):
    """No library takes a proxy for what it is not, and none calls its owner."""

    def check(self, function):
        def called(*args, **kwargs):
            raise AssertionError(f"a call went out: {args}")

        one = RRefProxy(Nobody(), called, -1.0)
        result = function(one)
        return one, result

    def test_copies(self):
        for function in (copy.copy, copy.deepcopy):
            one, got = self.check(function)
            self.assertIs(type(got), RRefProxy)
            self.assertEqual(got.rpc_timeout, one.rpc_timeout)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            got = pickle.loads(pickle.dumps(proxy(), protocol))
            self.assertEqual(got.__len__(), ("w1", "__len__", (), {}))

    def test_lookups(self):
        for function in (
            inspected, autospecced, as_bases, pprint.pformat, repr, dir, callable, asyncio.iscoroutine,
            asyncio.isfuture, dataclasses.is_dataclass, inspect.unwrap, inspect.isawaitable,
            staticmethod, functools.cached_property,
        ):
            with self.subTest(getattr(function, "__name__", function)):
                self.check(function)
        _, wrapper = self.check(lambda one: functools.wraps(one)(lambda: 0))
        self.assertEqual(wrapper.__name__, "<lambda>")
        for name in ("__name__", "__qualname__", "__annotations__"):
            self.assertNotIsInstance(getattr(wrapper, name), functools.partial)
        one, unwrapped = self.check(inspect.unwrap)
        self.assertIs(unwrapped, one)
        with self.assertRaises(TypeError):
            self.check(typing.get_type_hints)

    def test_databases(self):
        connection = sqlite3.connect(":memory:")
        self.addCleanup(connection.close)
        with self.assertRaises(sqlite3.Error):  # it has no __conform__, which would be called
            self.check(lambda one: connection.execute("SELECT ?", (one,)))

    def test_protocols_of_libraries(self):
        """That of each which it looks up on an object, rather than on its class, and then may call."""
        for library, names in {
            "cupy": "__cupy_get_ndarray__",
            "dask": "__dask_graph__ __dask_exprs__ __dask_keys__ __dask_tokenize__ __dask_postcompute__",
            "displays of notebooks": "_repr_html_ _repr_png_ _repr_mimebundle_ _ipython_display_",
            "markupsafe": "__html__ __html_format__",
            "pydantic": "__pydantic_serializer__ __pydantic_validator__",
            "pyramid": "__json__",
            "rich": "__rich__ __rich_console__ __rich_repr__ __rich_measure__",
            "sqlalchemy": "__clause_element__ __sa_type_engine__",
            "sympy": "__sympy__ _sympy_",
        }.items():
            for name in names.split():
                with self.subTest(library, name=name):
                    self.assertIsNone(self.check(lambda one: getattr(one, name, None))[1])

    @unittest.skipIf(numpy is None, "numpy is not installed for this Python")
    def test_numpy(self):
        one, array = self.check(numpy.asarray)
        self.assertEqual((array.dtype, array.shape), (numpy.dtype(object), ()))
        self.assertIs(array[()], one)

    @unittest.skipIf(torch is None, "torch is not installed for this Python")
    def test_torch(self):
        for function in (torch.tensor, torch.as_tensor, lambda one: torch.ones(1) + one):
            with self.assertRaises((TypeError, RuntimeError)):
                self.check(function)


if __name__ == "__main__":
    unittest.main()
