"""backend_registry: the kinds of agents, and what init_rpc makes of its arguments before an agent starts."""

import unittest
from enum import Enum
from unittest import mock

import gopyrpc
from gopyrpc import api, backend_registry
from gopyrpc._rpc import backends

def register(made):
    """Register a kind of agent whose handlers note what they are called with."""
    return backend_registry.register_backend(
        "OTHER",
        lambda **given: made.append(given) or gopyrpc.RpcBackendOptions(**given),
        lambda **given: made.append(given) or "an agent",
    )


class OfAnotherKind(gopyrpc.RpcBackendOptions):
    pass


class Backends(unittest.TestCase):
    def setUp(self):  # what a test registers is gone after it
        for patch in (mock.patch.object(backends, "BackendType", backends.BackendType), mock.patch.dict(backends._kinds)):
            patch.start()
            self.addCleanup(patch.stop)

    def test_there_is_one_under_two_names(self):
        kinds = gopyrpc.BackendType
        self.assertIs(kinds.TENSORPIPE, kinds.GOPYRPC)
        self.assertIs(kinds["TENSORPIPE"], kinds.TENSORPIPE)
        self.assertTrue(backend_registry.backend_registered("TENSORPIPE"))
        self.assertFalse(backend_registry.backend_registered("GLOO"))
        options = backend_registry.construct_rpc_backend_options(kinds.TENSORPIPE, rpc_timeout=3, init_method="tcp://h:1", num_worker_threads=2)
        self.assertIsInstance(options, gopyrpc.TensorPipeRpcBackendOptions)
        self.assertEqual((options.rpc_timeout, options.init_method, options.num_worker_threads), (3, "tcp://h:1", 2))

    def test_a_program_may_register_others(self):
        made = []
        before = gopyrpc.BackendType
        kind = register(made)
        self.assertIs(gopyrpc.BackendType[kind.name], kind)
        self.assertIs(backend_registry.BackendType, gopyrpc.BackendType)
        self.assertIs(backends.kind_of(before.TENSORPIPE, None), gopyrpc.BackendType.TENSORPIPE, "one of before is known")
        with self.assertRaisesRegex(RuntimeError, f"^RPC backend {kind.name}: already registered$"):
            backend_registry.register_backend(kind.name, None, None)
        with mock.patch.object(api, "_set_and_start_rpc_agent") as started:
            gopyrpc.init_rpc("w", backend=kind, rank=1, world_size=2)
        started.assert_called_once_with("an agent")
        self.assertEqual(made[0], {"rpc_timeout": 60.0, "init_method": "env://"})
        self.assertEqual({name: made[1][name] for name in ("store", "name", "rank", "world_size")}, {"store": None, "name": "w", "rank": 1, "world_size": 2})
        with self.assertRaisesRegex(NotImplementedError, "does not have agents that a program makes itself"):
            gopyrpc.init_rpc("w", backend=kind, rank=1, world_size=2)

    def test_what_is_no_kind_is_a_type_error(self):
        other = Enum("BackendType", {"GLOO": 1})
        for backend in ("TENSORPIPE", other.GLOO, 5):
            with self.assertRaisesRegex(TypeError, "Argument backend must be a member of BackendType"):
                gopyrpc.init_rpc("w", backend=backend, rank=0, world_size=1)
        theirs = Enum("BackendType", {"TENSORPIPE": 1}).TENSORPIPE
        self.assertIs(backends.kind_of(theirs, None), gopyrpc.BackendType.GOPYRPC, "torch's own says which")

    def test_options_say_which_kind(self):
        with self.assertRaisesRegex(TypeError, "Argument rpc_backend_options must be an instance of RpcBackendOptions"):
            gopyrpc.init_rpc("w", rank=0, world_size=1, rpc_backend_options={})
        with self.assertRaisesRegex(TypeError, "Could not infer backend for options"):
            gopyrpc.init_rpc("w", rank=0, world_size=1, rpc_backend_options=OfAnotherKind())
        with self.assertRaisesRegex(TypeError, "`rpc_backend_options` must be a `TensorPipeRpcBackendOptions`"):
            gopyrpc.init_rpc("w", gopyrpc.BackendType.TENSORPIPE, 0, 1, OfAnotherKind())
        for options in (gopyrpc.RpcBackendOptions(), gopyrpc.TensorPipeRpcBackendOptions()):
            self.assertIs(backends.kind_of(None, options), gopyrpc.BackendType.GOPYRPC)


class Api(unittest.TestCase):
    def test_without_an_agent(self):
        self.assertFalse(api._is_current_rpc_agent_set())
        for function in (api._get_current_rpc_agent, api._require_initialized(len), api._all_gather, gopyrpc.RRef):
            with self.assertRaisesRegex(RuntimeError, "RPC has not been initialized|Current RPC agent is not set"):
                function(1) if function is not api._get_current_rpc_agent else function()

    def test_what_wait_all_collects_is_seen(self):
        self.assertFalse(hasattr(api._thread_local_var, "future_list"))
        with api._wait_all():
            self.assertEqual(api._thread_local_var.future_list, [])
        self.assertFalse(hasattr(api._thread_local_var, "future_list"))

    def test_a_function_that_a_program_replaces_is_heard(self):
        from gopyrpc._rpc.all_gather import _broadcast_to_followers
        from gopyrpc._rpc.api_name import as_replaced

        self.assertIs(as_replaced(_broadcast_to_followers), _broadcast_to_followers)
        with mock.patch.object(api, "_broadcast_to_followers") as other:
            self.assertIs(as_replaced(_broadcast_to_followers), other)


if __name__ == "__main__":
    unittest.main()
