"""Tensors of every kind through our module: as argument, as result, and refused."""

import gc
import unittest
import warnings
import weakref

from gopyrpc import internal
from gopyrpc._tensors import torch_api
from gopyrpc._module.handle import make_handle
from gopyrpc._tensors.table import receiving, sending
from gopyrpc.internal import DeserializeError, PythonUDF, SerializeError

from . import torch_targets as targets
from .torch_targets import torch


def there_and_back(value):
    data, table = internal.serialize(value)
    return internal.deserialize(data, table)


def on_the_wire(value):
    """Send *value* with each entry copied alone, sharing kept, as a network would."""
    data, table = internal.serialize(value)
    return internal.deserialize(data, copied(table))


def storage_of(tensor):
    return torch_api.of(torch).untyped_storage(tensor)


def copied(table):
    copies, result = {}, []
    for tensor in table:
        storage = storage_of(tensor)
        if storage._cdata not in copies:
            copies[storage._cdata] = storage.clone()
        new = torch.empty(0, dtype=tensor.dtype)
        copy = copies[storage._cdata]
        new.set_(copy, tensor.storage_offset(), tensor.shape, tensor.stride())
        result.append(new)
    return result


def run(function, *args):
    """Run a UDF through Handle.run; return its result as the caller gets it."""
    handle = make_handle()
    data, table = handle.serialize(PythonUDF(function, args, {}))
    result = handle.run(data, copied(table))
    data, table = (result, []) if isinstance(result, bytes) else result
    value = handle.deserialize(data, copied(table))
    handle.handle_exception(value)
    return value


class TensorCase(unittest.TestCase):
    def setUp(self):
        catcher = warnings.catch_warnings()
        catcher.__enter__()
        self.addCleanup(catcher.__exit__, None, None, None)
        warnings.simplefilter("ignore")  # of torch, about its own beta features

    def assertSame(self, got, want):
        self.assertIs(type(got), type(want))
        if want.layout is torch.strided and not want.is_quantized:
            self.assertEqual((got.stride(), got.is_contiguous()), (want.stride(), want.is_contiguous()))
        for name in ("dtype", "layout", "shape", "requires_grad", "is_quantized"):
            self.assertEqual(getattr(got, name), getattr(want, name), name)
        self.assertEqual(names_of(got), names_of(want))
        self.assertTrue(got.is_leaf)
        self.assertEqual(plain(got).tolist(), plain(want).tolist())
        if want.is_quantized:
            self.assertEqual(got.qscheme(), want.qscheme())
            self.assertEqual(got.int_repr().tolist(), want.int_repr().tolist())
        if want.layout is torch.sparse_coo:
            self.assertEqual(got.is_coalesced(), want.is_coalesced())


def names_of(tensor):
    return getattr(tensor, "names", None)  # until 2.13


def plain(tensor):
    tensor = tensor.detach()
    if tensor.is_quantized:
        return tensor.dequantize()
    if tensor.layout is not torch.strided:
        return tensor.to_dense()
    return tensor.to(torch.float32) if not tensor.is_complex() else tensor


@unittest.skipIf(torch is None, "torch is not installed for this Python")
class Kinds(TensorCase):
    def test_through_serialize(self):
        for name, make in targets.makers().items():
            for send in (there_and_back, on_the_wire):
                with self.subTest(name, send=send.__name__):
                    want = make()
                    self.assertSame(send(want), want)
                    self.assertSame(send({"deep": [want]})["deep"][0], want)

    def test_through_run(self):
        for name, make in targets.makers().items():
            with self.subTest(name):
                want = make()
                self.assertSame(run(targets.echo, want), want)
                self.assertSame(run(targets.make_many, [name])[name], want)

    def test_case_099_lazy_bits(self):
        conj = torch.tensor([1 + 2j]).conj()
        self.assertTrue(conj.is_conj() and conj.imag.is_neg())
        for want in (conj, conj.imag):
            data, table = internal.serialize([want])
            self.assertFalse(table[0].is_conj() or table[0].is_neg())
            self.assertEqual(run(targets.echo, want).tolist(), want.tolist())

    def test_entries_are_plain(self):
        for name, make in targets.makers().items():
            for entry in internal.serialize(make())[1]:
                with self.subTest(name):
                    self.assertIs(type(entry), torch.Tensor)
                    self.assertIs(entry.layout, torch.strided)
                    self.assertFalse(entry.requires_grad or entry.is_quantized)
                    self.assertFalse(entry.is_conj() or entry.is_neg())
                    self.assertEqual(set(names_of(entry) or ()) - {None}, set())

    def test_attributes_of_subclasses(self):
        for want in (torch.ones(1).as_subclass(targets.Tagged), torch.nn.Parameter(torch.ones(1))):
            want.tag = {"a": torch.ones(2)}
            self.assertEqual(on_the_wire(want).tag["a"].tolist(), [1, 1])

    def test_subclass_that_is_missing_here(self):
        data, table = internal.serialize(torch.ones(1).as_subclass(targets.Tagged))
        targets.Tagged, kept = None, targets.Tagged
        try:
            with self.assertRaisesRegex(DeserializeError, "subclass of torch.Tensor"):
                internal.deserialize(data, table)
        finally:
            targets.Tagged = kept

    def test_parameters_and_modules(self):
        linear = torch.nn.Linear(2, 1)
        got = run(targets.echo, linear)
        self.assertIs(type(got), torch.nn.Linear)
        for one, other in zip(got.parameters(), linear.parameters()):
            self.assertSame(one, other)

    def test_case_095_graph_is_cut(self):
        leaf = torch.ones(2, requires_grad=True)
        for want in (leaf, leaf * 2):
            got = run(targets.echo, want)
            self.assertTrue(got.is_leaf and got.requires_grad)
            self.assertIsNone(got.grad_fn)


@unittest.skipIf(torch is None, "torch is not installed for this Python")
class Refused(TensorCase):
    """Cases 100 and 101: torch aborts the process on an MKL-DNN argument."""

    def test_case_100_101_argument(self):
        for name, make in targets.unsendable().items():
            bad, good = make(), torch.ones(3)
            for value in (bad, [good, bad]):
                with self.assertRaisesRegex(SerializeError, f"TypeError: cannot send.*{name}"):
                    internal.serialize(value)
        self.assertEqual(len(internal.serialize(torch.ones(1))[1]), 1)

    def test_case_100_101_result(self):
        for name in targets.unsendable():
            with self.assertRaisesRegex(SerializeError, f"cannot send.*{name}"):
                run(targets.make_unsendable, name)

    def test_no_tensor_is_kept(self):
        for name, make in targets.unsendable().items():
            good = torch.ones(3)
            dead = weakref.ref(good)
            try:
                internal.serialize([good, good[1:], make()])
            except SerializeError:
                del good
            self.assertIsNone(dead(), name)
        self.assertIsNone(sending.get())

    def test_failed_load_keeps_no_tensor(self):
        data, _ = internal.serialize([torch.ones(1), torch.ones(2)])
        tensor = torch.ones(1)
        dead = weakref.ref(tensor)
        handle = make_handle()
        for function in (handle.deserialize, handle.run, internal.deserialize):
            with self.assertRaisesRegex(DeserializeError, "refers to tensor 1"):
                function(data, [tensor])
        del tensor
        self.assertIsNone(dead())
        self.assertIsNone(receiving.get())

    def test_failed_udf_keeps_no_tensor(self):
        gc.disable()
        self.addCleanup(gc.enable)
        tensor = torch.ones(1)
        dead = weakref.ref(tensor)
        handle = make_handle()
        data, table = handle.serialize(PythonUDF(targets.echo, (tensor, 5), {}))
        result = handle.deserialize(handle.run(data, table))
        self.assertEqual(result.type_name, "TypeError")
        del tensor, table
        self.assertIsNone(dead())

    def test_receivers_check_what_they_get(self):
        for call in (
            (internal._receive_leaf, 5),
            (internal._receive_named, None, ("a",)),
            (internal._receive_subclass, int, torch.ones(1), False, None),
            (internal._receive_subclass, print, torch.ones(1), False, None),
            (internal._receive_sparse, torch.tensor([[9]]), torch.ones(1), (2,), True),
            (internal._receive_sparse_compressed, "strided", 1, 2, 3, (1,)),
            (internal._receive_sparse_compressed, "sparse_csr", torch.tensor([0, 9]),
             torch.tensor([7]), torch.ones(1), (1, 1)),
            (internal._receive_quantized, "x", 1.0, 0),
        ):
            with self.subTest(call[0].__name__), self.assertRaises(
                (TypeError, ValueError, RuntimeError, AttributeError)
            ):
                call[0](*call[1:])


if __name__ == "__main__":
    unittest.main()
