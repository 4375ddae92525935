"""The functions of RRefs and the compilation unit: found, refused, kept, dropped."""

import gc
import sys
import types
import unittest
import weakref
from unittest import mock

import gopyrpc
from gopyrpc import internal
from gopyrpc._module.handle import NAMES, make_handle
from gopyrpc._module.members import PROXY_NAMES, TYPE_NAMES, UNIT_NAME, Absent

API = "torch.distributed.rpc.api"
PROXY = "torch.distributed.rpc.rref_proxy"
STATE = "torch.jit._state"
INTERNAL = "torch.distributed.rpc.internal"


class Function:
    """Callable, and its end can be seen."""

    def __call__(self):
        pass


class Unit:
    def get_class(self, name):
        return name if name == "m.Class" else None

    def get_interface(self, name):
        return name if name == "m.Interface" else None


def make_module(name, *functions):
    module = types.ModuleType(name)
    for function in functions:
        setattr(module, function, Function())
    return module


class Modules(unittest.TestCase):
    def install(self, *modules):
        patch = mock.patch.dict(sys.modules, {m.__name__: m for m in modules})
        patch.start()
        self.addCleanup(patch.stop)
        return modules


class Torch(Modules):
    """With modules of the names of torch's: what is there, and what is missing."""

    def setUp(self):
        self.internal, self.api, self.proxy, self.state = self.install(
            make_module(INTERNAL, *NAMES),
            make_module(API, "rpc_sync", "rpc_async", "remote", *TYPE_NAMES),
            make_module(PROXY, "RRefProxy"),
            make_module(STATE),
        )
        self.state._python_cu = Unit()

    def test_found_when_made(self):
        wanted = self.api.rpc_sync
        handle = make_handle(INTERNAL)
        self.api.rpc_sync = None
        del self.state._python_cu
        proxy, rpc_sync, rpc_async, remote = handle.rref_proxy_functions()
        self.assertIs(proxy, self.proxy.RRefProxy)
        self.assertIs(rpc_sync, wanted)
        self.assertIs(rpc_async, self.api.rpc_async)
        self.assertIs(remote, self.api.remote)
        on_owner, on_user = handle.rref_type_functions()
        self.assertIs(on_owner, self.api._rref_typeof_on_owner)
        self.assertIs(on_user, self.api._rref_typeof_on_user)
        self.assertIs(type(handle.compilation_unit()), Unit)
        kinds = handle.kinds_of(["m.Interface", "m.Other", "m.Class"])
        self.assertEqual(kinds, ["interface", None, "class"])

    def test_one_error_names_all(self):
        del self.internal.serialize
        self.api.remote = "text"
        del self.api._rref_typeof_on_user
        del self.proxy.RRefProxy
        del self.state._python_cu
        with self.assertRaises(AttributeError) as caught:
            make_handle(INTERNAL)
        self.assertEqual(
            str(caught.exception),
            f"{INTERNAL} cannot be used as an RPC module: it has no serialize;"
            f" {PROXY} has no RRefProxy; the remote of {API} is not callable;"
            f" {API} has no _rref_typeof_on_user; {STATE} has no _python_cu",
        )

    def test_not_callable_only(self):
        self.api.remote = "text"
        with self.assertRaisesRegex(TypeError, f"the remote of {API} is not callable$"):
            make_handle(INTERNAL)

    def test_all_go_with_the_handle(self):
        handle = make_handle(INTERNAL)
        modules = self.internal, self.api, self.proxy, self.state
        kept = [weakref.ref(v) for m in modules for v in vars(m).values() if isinstance(v, (Function, Unit))]
        self.assertEqual(len(kept), len(NAMES + PROXY_NAMES + TYPE_NAMES) + 1)
        for module in modules:
            vars(module).clear()
        gc.disable()  # they must not need it
        self.addCleanup(gc.enable)
        self.assertTrue(all(ref() is not None for ref in kept))
        del handle
        self.assertEqual([ref() for ref in kept], [None] * len(kept))


class Others(Modules):
    def setUp(self):
        self.package, self.module = self.install(
            make_module("late"), make_module("late.rpc", *NAMES)
        )

    def test_absent_until_there(self):
        handle = make_handle("late.rpc")
        with self.assertRaisesRegex(Absent, "^late.rpc has no RRefProxy, rpc_sync, rpc_async, remote$"):
            handle.rref_proxy_functions()
        with self.assertRaisesRegex(Absent, "^late.rpc has no _rref_typeof_on_owner, _rref_typeof_on_user$"):
            handle.rref_type_functions()
        for call in (handle.compilation_unit, lambda: handle.kinds_of(["m.Class"])):
            with self.assertRaisesRegex(Absent, f"^late.rpc has no {UNIT_NAME}$"):
                call()
        for name in PROXY_NAMES + TYPE_NAMES:
            setattr(self.package, name, Function())
        self.package.remote = self.package  # a submodule of that name
        with self.assertRaisesRegex(Absent, "^late.rpc has no remote$"):
            handle.rref_proxy_functions()
        self.package.remote = Function()
        self.module.rpc_sync = Function()
        found = handle.rref_proxy_functions()
        self.assertEqual(found, tuple(getattr(self.package, n) for n in PROXY_NAMES))
        self.package.rpc_async = None
        self.assertEqual(handle.rref_proxy_functions(), found)

    def test_modules_own_come_first(self):
        self.package.rpc_sync = Function()
        for name in PROXY_NAMES:
            setattr(self.module, name, Function())
        self.assertIs(make_handle("late.rpc").rref_proxy_functions()[1], self.module.rpc_sync)

    def test_own_package(self):
        values = {name: Function() for name in PROXY_NAMES + TYPE_NAMES}
        with mock.patch.dict(vars(gopyrpc), values):
            handle = make_handle()
            self.assertEqual(handle.rref_proxy_functions(), tuple(values[n] for n in PROXY_NAMES))
            self.assertEqual(handle.rref_type_functions(), tuple(values[n] for n in TYPE_NAMES))
        with self.assertRaisesRegex(Absent, f"^{internal.__name__} has no {UNIT_NAME}$"):
            handle.compilation_unit()


if __name__ == "__main__":
    unittest.main()
