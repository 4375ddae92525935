"""Views with gaps: their elements travel, the gaps do not, and the strides are kept."""

import random
import unittest

from gopyrpc import internal
from gopyrpc._tensors.strides import unpacked
from gopyrpc.internal import DeserializeError

from . import torch_targets as targets
from .test_tensors_sharing import sent_bytes
from .test_tensors import TensorCase, on_the_wire, run, storage_of
from .torch_targets import torch


class Made:
    """Pickled as a tensor of the table with such a layout."""

    def __init__(self, tensor, size, stride):
        self.tensor, self.layout = tensor, (size, stride)

    def __reduce__(self):
        receive, (index,) = internal.to_table(self.tensor)
        return internal._receive_strided, (index, *self.layout)


@unittest.skipIf(torch is None, "torch is not installed for this Python")
class Gaps(TensorCase):
    def test_they_do_not_travel(self):
        big = torch.arange(100_000.0)
        matrix = big.reshape(1000, 100)
        for view, most in (
            (big[::2], 200_000), (big[1::16], 25_000), (matrix[:, :50], 200_000),
            (matrix[:, 10:30].t(), 80_000), (big[::100].expand(7, 1000), 4000),
            (big[:1000:3].unfold(0, 4, 1), 4000),
        ):
            for send in (on_the_wire, lambda v: run(targets.echo, v)):
                with self.subTest(size=tuple(view.shape), stride=view.stride()):
                    self.assertLessEqual(sent_bytes(view), most)
                    self.assertTrue(torch.equal(send(view), view))

    def test_they_are_zeros_there(self):
        got = on_the_wire(torch.ones(100)[::3])
        whole = torch.empty(0).set_(storage_of(got))
        self.assertEqual(whole.sum().item(), 34)
        self.assertEqual(storage_of(got).nbytes(), 100 * 4)

    def test_too_wide_ones_arrive_contiguous(self):
        big = torch.arange(1_000_000.0).reshape(1000, 1000)
        got = on_the_wire(big[:, 3])
        self.assertEqual((got.stride(), got.tolist()), ((1,), big[:, 3].tolist()))
        self.assertEqual(storage_of(got).nbytes(), 4000)
        got = on_the_wire(big[:, 3].expand(5, 1000))
        self.assertEqual((got.stride(), got.shape), ((0, 1), (5, 1000)))
        self.assertTrue(torch.equal(got, big[:, 3].expand(5, 1000)))
        self.assertEqual(storage_of(got).nbytes(), 4000)

    def test_memory_is_bounded(self):
        for step in (2, 15, 16, 17, 1000, 100_000):
            view = torch.arange(1_000_000.0)[::step]
            got = on_the_wire(view)
            self.assertTrue(torch.equal(got, view))
            self.assertLessEqual(storage_of(got).nbytes(), max(16 * view.numel() * 4, 65536), step)

    def test_shared_memory_stays_shared(self):
        big = torch.arange(100.0)
        even, odd, part = on_the_wire([big[::2], big[1::2], big[10:20]])
        self.assertEqual([t.stride() for t in (even, odd, part)], [(2,), (2,), (1,)])
        part.zero_()
        self.assertEqual((even[5:10].tolist(), odd[5:10].tolist()), ([0.0] * 5, [0.0] * 5))
        leaf, plain = on_the_wire([big[::2].detach().requires_grad_(), big[::2]])
        self.assertEqual((leaf.stride(), leaf.data_ptr()), ((2,), plain.data_ptr()))

    def test_parameters_that_share(self):
        weight = torch.nn.Parameter(torch.arange(10.0)[::2])
        first, again = on_the_wire([weight, weight])
        self.assertIs(first, again)
        self.assertEqual(first.stride(), (2,))

    def test_written_to_there(self):
        view = torch.arange(10.0)[::2]
        got = on_the_wire(view)
        got.add_(1)
        self.assertEqual(got.tolist(), [1, 3, 5, 7, 9])
        self.assertEqual(view.tolist(), [0, 2, 4, 6, 8])

    def test_views_at_random(self):
        chance = random.Random(17)
        for _ in range(400):
            view = random_view(chance)
            with self.subTest(size=tuple(view.shape), stride=view.stride(), offset=view.storage_offset()):
                for value in (view, [view, view.detach()], [view, random_view(chance)]):
                    got = on_the_wire(value)
                    for one, other in zip(*([got], [value]) if value is view else (got, value)):
                        self.assertEqual((one.shape, one.stride(), one.dtype), (other.shape, other.stride(), other.dtype))
                        self.assertEqual(one.tolist(), other.tolist())

    def test_what_is_no_layout_is_refused(self):
        four = torch.ones(4)
        for size, stride in (
            ((4,), (2, 2)), ((5,), (2,)), ((4,), (-2,)), ((-4,), (2,)), ((2, 3), (3, 1)), ([4], (2,)), ((4,), None),
            ((4,), (2.0,)), ((4,), (1 << 60,)), ((1 << 60,), (0,)), ((True,), (2,)), ((4, 2), (0, 1)),
        ):
            with self.subTest(size=size, stride=stride), self.assertRaises(DeserializeError):
                internal.deserialize(*internal.serialize(Made(four, size, stride)))

    def test_a_layout_that_claims_much_takes_none(self):
        got = internal.deserialize(*internal.serialize(Made(torch.ones(4), (4,), (1 << 40,))))
        self.assertEqual((got.tolist(), got.stride()), ([1, 1, 1, 1], (1,)))
        # Tensors of much that take no memory themselves.
        for tensor, size, stride in (
            (torch.ones(1).expand(1 << 40), (1 << 40,), (1,)),
            (torch.ones(1).expand(1 << 20), (1 << 20,), (16,)),
            (torch.ones(0, 1 << 20), (0, 1 << 20), (0, 16)),
        ):
            with self.subTest(size=size, stride=stride), self.assertRaisesRegex(ValueError, "elements repeat"):
                unpacked(torch, storage_of, tensor, size, stride)


def random_view(chance):
    dtype = chance.choice([torch.float32, torch.uint8, torch.complex64, torch.bool])
    tensor = torch.arange(360).to(dtype).reshape(chance.choice([(360,), (18, 20), (3, 8, 15), (2, 3, 4, 15)]))
    for _ in range(chance.randrange(5)):
        dim = chance.randrange(tensor.dim()) if tensor.dim() else 0
        what = chance.choice(["step", "part", "permute", "expand", "unfold", "conj"])
        if what == "permute":
            tensor = tensor.permute(*chance.sample(range(tensor.dim()), tensor.dim()))
        elif what == "expand":
            tensor = tensor.unsqueeze(0).expand(chance.randrange(1, 4), *tensor.shape)
        elif what == "conj" and tensor.is_complex():
            tensor = chance.choice([tensor.conj, lambda: tensor.real, lambda: tensor.conj().imag])()
        elif tensor.dim() == 0 or tensor.shape[dim] < 2:
            continue
        elif what == "unfold":
            tensor = tensor.unfold(dim, 2, chance.randrange(1, 3))
        else:
            begin = chance.randrange(tensor.shape[dim])
            step = chance.randrange(1, 4) if what == "step" else 1
            tensor = tensor[(slice(None),) * dim + (slice(begin, None, step),)]
        if tensor.numel() > 4000:
            break
    return tensor


if __name__ == "__main__":
    unittest.main()
