"""Views: little travels, and what shared memory before it travelled still does."""

import unittest

from gopyrpc import internal
from gopyrpc.internal import PythonUDF

from . import torch_targets as targets
from .test_tensors import TensorCase, on_the_wire, run, storage_of
from .torch_targets import torch


def sent_bytes(value):
    storages = {}
    for tensor in internal.serialize(value)[1]:
        storage = storage_of(tensor)
        storages[storage._cdata] = storage, storage.nbytes()
    return sum(size for _, size in storages.values())


@unittest.skipIf(torch is None, "torch is not installed for this Python")
class Views(TensorCase):
    def test_case_092_093_only_the_viewed_part_travels(self):
        big = torch.arange(10_000.0)
        square = big.reshape(100, 100)
        for view, most in (
            (big[:10], 40),
            (big[5000:5010], 104),  # up to 64 bytes for alignment
            (big[1:], 40_000),
            (big[::1000], 40),
            (square[:, 3], 400),
            (square[:2], 800),
            (square[:2].t(), 800),
            (square[10, 10], 68),
            (big[7:7], 64),
            (big[:1].expand(50), 4),
            (big[100:104].view(torch.int32), 80),
            (square.to(torch.complex64).real[:3, 0], 20_000),
            (square.t(), 40_000),
            (big[:10].requires_grad_(), 40),
        ):
            with self.subTest(shape=tuple(view.shape), most=most):
                self.assertLessEqual(sent_bytes([view]), most)
                self.assertSame(on_the_wire([view])[0], view)
                self.assertSame(run(targets.echo, view), view)

    def test_strides_are_kept_where_all_travels(self):
        for view in (torch.arange(6.0).reshape(2, 3).t(), torch.ones(3, 1).expand(3, 4)):
            self.assertEqual(on_the_wire(view).stride(), view.stride())

    def test_parts_of_sparse_tensors(self):
        big = torch.arange(10_000.0)
        sparse = torch.sparse_coo_tensor(torch.tensor([[0, 1]]), big[:2], (2,))
        self.assertLess(sent_bytes(sparse), 100)


@unittest.skipIf(torch is None, "torch is not installed for this Python")
class Sharing(TensorCase):
    def test_case_103_same_tensor_is_one_object(self):
        for name, make in targets.makers().items():
            tensor = make()
            with self.subTest(name):
                first, again = on_the_wire([tensor, tensor])
                self.assertIs(first, again)

    def test_case_103_views_share_in_any_order(self):
        big = torch.arange(10_000.0)
        part = big[100:200]
        for value in (
            [big, part],
            [part, big],
            [part, big[150:160]],
            [big[150:160], part],
            [part.view(torch.int32), part],
            [part, part.detach().requires_grad_()],
            [part, torch.nn.Parameter(part)],
            [part, part.as_subclass(targets.Tagged)],
        ):
            with self.subTest([tuple(v.shape) for v in value]):
                got = on_the_wire(value)
                storages = {storage_of(t)._cdata for t in got}
                self.assertEqual(len(storages), 1)
                for one, other in zip(got, value):
                    self.assertSame(one, other)
                for tensor in got:
                    tensor.detach().zero_()
                for one, other in zip(got, value):
                    overlap = one.detach().to(torch.float32).min().item()
                    self.assertEqual(overlap, 0)

    def test_a_part_that_is_shared_is_cut_too(self):
        big = torch.arange(10_000.0)
        self.assertLess(sent_bytes([big[100:200], big[150:250]]), 1000)

    def test_senders_tensors_are_untouched(self):
        big = torch.arange(10.0)
        view = big[2:4]
        internal.serialize([view])
        self.assertEqual(storage_of(view)._cdata, storage_of(big)._cdata)

    def test_case_104_mutation_stays_with_the_callee(self):
        tensor = torch.ones(3)
        run(targets.double_in_place, tensor)
        self.assertEqual(tensor.tolist(), [1, 1, 1])

    def test_case_102_numpy(self):
        numpy = __import__("numpy")
        array = numpy.arange(6.0).reshape(2, 3)
        for value in (torch.from_numpy(array), torch.frombuffer(bytearray(8), dtype=torch.uint8)):
            self.assertSame(run(targets.echo, value), value)
        for value in (array, array.T, array[:, 1], numpy.float32(2), numpy.array("x")):
            got = run(targets.echo, value)
            self.assertIs(type(got), type(value))
            self.assertEqual(got.tolist(), value.tolist())


@unittest.skipIf(torch is None, "torch is not installed for this Python")
class ScriptModules(TensorCase):
    def test_case_107_at_any_depth_before_and_after_a_top_level_one(self):
        udf = PythonUDF(targets.echo, (), {})
        for module in (
            torch.jit.script(targets.Doubler()),
            torch.jit.trace(targets.Doubler(), torch.ones(1)),
            torch.jit.script(targets.Meaner()),
        ):
            want = module(torch.ones(2)).tolist()
            for value in ({"deep": [module]}, udf._replace(args=(module,)), [[module]]):
                self.assertEqual(found(on_the_wire(value))(torch.ones(2)).tolist(), want)
            self.assertEqual(on_the_wire(module)(torch.ones(2)).tolist(), want)
            self.assertEqual(found(on_the_wire([module]))(torch.ones(2)).tolist(), want)
            self.assertEqual(run(targets.echo, [module])[0](torch.ones(2)).tolist(), want)

    def test_a_module_twice_is_one(self):
        module = torch.jit.script(targets.Doubler())
        first, again = on_the_wire([module, module])
        self.assertIs(first, again)


def found(value):
    """Return the first module in *value*."""
    while not isinstance(value, torch.nn.Module):
        value = value["deep"] if isinstance(value, dict) else getattr(value, "args", value)
        value = value[0]
    return value


if __name__ == "__main__":
    unittest.main()
