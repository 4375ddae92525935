"""With the real torch: tensors in the table, script modules, grad mode, its module."""

import pickle
import unittest

try:
    import torch
except ImportError:
    torch = None

from gopyrpc import internal
from gopyrpc._module.handle import make_handle
from gopyrpc.internal import DeserializeError, PythonUDF, SerializeError

from . import targets


def switch_grad_off():
    before = torch.is_grad_enabled()
    torch._C._set_grad_enabled(False)
    return before


def tensor_sum(tensors, scale=1):
    return {"sum": sum(tensors) * scale, "n": len(tensors)}


@unittest.skipIf(torch is None, "torch is not installed for this Python")
class Tensors(unittest.TestCase):
    def test_out_of_band(self):
        t = torch.arange(6.0)
        data, table = internal.serialize({"a": t, "b": [t, t[2:4]]})
        self.assertEqual(len(table), 2)
        self.assertIs(table[0], t)
        self.assertLess(len(data), 200)
        got = internal.deserialize(data, table)
        self.assertIs(got["a"], got["b"][0])

    def test_short_table(self):
        data, _ = internal.serialize([torch.ones(1), torch.ones(2)])
        with self.assertRaisesRegex(DeserializeError, "refers to tensor 1"):
            internal.deserialize(data, [1])

    def test_run(self):
        handle = make_handle()
        udf = PythonUDF(tensor_sum, ([torch.ones(2), torch.ones(2)],), {"scale": 2})
        data, table = handle.run(*handle.serialize(udf))
        got = handle.deserialize(data, table)
        self.assertEqual((got["sum"].tolist(), got["n"]), ([4.0, 4.0], 2))
        self.assertIs(type(handle.run(handle.serialize(PythonUDF(len, ("ab",), {}))[0])), bytes)

    def test_grad_mode_is_reset(self):
        handles = [make_handle()]
        for handle in handles:
            data = handle.serialize(PythonUDF(switch_grad_off, (), {}))[0]
            for _ in range(2):
                self.assertIs(handle.deserialize(handle.run(data)), True)
                self.assertTrue(torch.is_grad_enabled())
        for _ in range(2):
            udf = PythonUDF(switch_grad_off, (), {})
            self.assertIs(internal._run_function(udf), True)
            self.assertTrue(torch.is_grad_enabled())

    def test_exception_with_a_tensor(self):
        error = KeyError(torch.ones(2))
        result = internal._run_function(PythonUDF(throw, (error,), {}))
        result = internal.deserialize(*internal.serialize(result))
        with self.assertRaises(KeyError) as caught:
            internal._handle_exception(result)
        self.assertTrue(torch.equal(caught.exception.args[0], torch.ones(2)))


@unittest.skipIf(torch is None, "torch is not installed for this Python")
class TorchsOwnModule(unittest.TestCase):
    def setUp(self):
        if not torch.distributed.rpc.is_available():
            self.skipTest("this torch has no RPC")
        self.handle = make_handle("torch.distributed.rpc.internal")
        self.module = self.handle.module

    def run_(self, function, *args):
        udf = self.module.PythonUDF(function, args, {})
        data, tensors = self.handle.serialize(udf)
        result = self.handle.run(data, tensors)
        if isinstance(result, bytes):
            result = result, []
        return self.handle.deserialize(*result)

    def test_results(self):
        self.assertEqual(self.run_(targets.add, 1, 2), 3)
        self.assertEqual(self.run_(torch.add, torch.ones(1), 1).item(), 2)

    def test_exceptions_without_an_agent(self):
        for function, cls in (
            (targets.exit_now, RuntimeError),
            ({}.__getitem__, TypeError),
            (throw_local, KeyError),
        ):
            result = self.run_(function)
            self.assertTrue(self.handle.is_remote_exception(result))
            with self.assertRaises(cls) as caught:
                self.handle.handle_exception(result)
            self.assertIn("On pid", str(caught.exception))

    def test_failed_load(self):
        with self.assertRaises(DeserializeError):
            self.handle.deserialize(b"cgopyrpc_tests.targets\nmissing\n.")
        with self.assertRaises(DeserializeError):
            self.handle.run(pickle.dumps(5)[:-1], [torch.ones(1)])
        self.assertEqual(vars(self.module._thread_local_tensor_tables), {})

    def test_grad_mode(self):
        for _ in range(2):
            self.assertIs(self.run_(switch_grad_off), True)

    def test_case_099_to_101_tables_are_mended(self):
        conj = torch.tensor([1 + 2j]).conj()
        for lazy in (conj, conj.imag):
            data, table = self.handle.serialize([lazy, 5, torch.eye(2).to_sparse()])
            self.assertFalse(table[0].is_conj() or table[0].is_neg())
            got = self.handle.deserialize(data, table)
            self.assertEqual(got[0].tolist(), lazy.tolist())
        bad = [torch.empty(3, device="meta")]
        if torch.backends.mkldnn.is_available():
            bad.append(torch.ones(3).to_mkldnn())
        for tensor in bad:
            with self.assertRaisesRegex(SerializeError, "cannot send a"):
                self.handle.serialize([tensor])


def throw(exc):
    raise exc


def throw_local():
    class Local(KeyError):
        pass

    raise Local("x")


if __name__ == "__main__":
    unittest.main()
