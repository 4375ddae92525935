"""RpcBackendOptions: the fields, and what is refused."""

import inspect
import unittest
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import gopyrpc
from gopyrpc._rpc import options
from gopyrpc._rpc.options import SETTINGS, RpcBackendOptions, checked, settings_of


class Options(unittest.TestCase):
    def test_settings_are_fields_and_arguments(self):
        arguments = list(inspect.signature(RpcBackendOptions).parameters)
        self.assertEqual(tuple(arguments[-len(SETTINGS) :]), SETTINGS)
        made = RpcBackendOptions(**{name: name for name in SETTINGS})
        self.assertEqual(settings_of(made), {name: name for name in SETTINGS})

    def test_what_is_not_given_is_not_said(self):
        self.assertEqual(settings_of(RpcBackendOptions()), {})

    def test_settings_are_what_go_takes(self):
        made = RpcBackendOptions(tls_cert=Path("c.pem"), allow=("math", "os:getpid"), max_calls={"w1": 3, "w2": 4}, insecure=False)
        self.assertEqual(
            settings_of(made),
            {"tls_cert": "c.pem", "allow": ["math", "os:getpid"], "max_calls": ["w1=3", "w2=4"], "insecure": False},
        )

    def test_torchs_fields_are_taken(self):
        made = RpcBackendOptions(
            num_worker_threads=4, rpc_timeout=5, init_method="env://", device_maps={"w1": {}}, devices=[],
            _transports=["shm", "uv"], _channels=["mpt_uv", "basic"],
        )  # fmt: skip
        self.assertEqual((made.num_worker_threads, made.rpc_timeout, made.device_maps, made.devices), (4, 5.0, {}, []))
        made.set_device_map("w1", {})
        made.set_devices([])

    def test_what_cannot_be_is_refused_by_name(self):
        for what, asked in {
            "device_maps['w1']": {"device_maps": {"w1": {0: 1}}}, "devices": {"devices": [0]},
            "ibv of _transports": {"_transports": ["uv", "ibv"]}, "cuda_ipc of _channels": {"_channels": ["cuda_ipc"]},
        }.items():  # fmt: skip
            with self.subTest(what), self.assertRaisesRegex(NotImplementedError, r"does not have .*" + what.replace("[", r"\[")):
                RpcBackendOptions(**asked)

    def test_a_timeout_is_a_number_of_seconds(self):
        for timeout in (timedelta(seconds=1), "1", None):
            with self.subTest(timeout=timeout), self.assertRaisesRegex(TypeError, "rpc_timeout"):
                RpcBackendOptions(rpc_timeout=timeout)
        with self.assertRaisesRegex(ValueError, "rpc_timeout"):
            RpcBackendOptions(rpc_timeout=-1)

    def test_options_that_are_none_are_a_type_error(self):
        for wrong in ({"init_method": "env://"}, "env://", 5):
            with self.subTest(wrong=wrong), self.assertRaisesRegex(TypeError, "rpc_backend_options"):
                checked(wrong)

    def test_options_that_torch_makes_are_options(self):
        torchs = SimpleNamespace(num_worker_threads=8, rpc_timeout=3.0, init_method="tcp://h:1", device_maps={}, devices=[])
        made = checked(torchs)
        self.assertEqual((made.num_worker_threads, made.rpc_timeout, made.init_method), (8, 3.0, "tcp://h:1"))
        torchs.device_maps = {"w1": {0: 0}}
        with self.assertRaises(NotImplementedError):
            checked(torchs)

    def test_variables_are_those_of_the_package(self):
        from unittest.mock import patch

        with patch.dict("os.environ", {"GOPYRPC_ALLOW": "math", "OTHER": "x"}):
            self.assertEqual(options.variables().get("GOPYRPC_ALLOW"), "math")
            self.assertNotIn("OTHER", options.variables())

    def test_the_package_has_them(self):
        self.assertTrue(issubclass(gopyrpc.TensorPipeRpcBackendOptions, gopyrpc.RpcBackendOptions))
        self.assertIs(gopyrpc.options.RpcBackendOptions, gopyrpc.RpcBackendOptions)


if __name__ == "__main__":
    unittest.main()
