"""What the tests with torch send by name; importable without it, but of no use."""

try:
    import torch
except ImportError:
    torch = None

if torch is not None:

    class Tagged(torch.Tensor):
        """A subclass without pickling of its own."""

    class SelfPickled(torch.Tensor):
        def __reduce_ex__(self, protocol):
            return make_self_pickled, (self.tolist(),)

    def make_self_pickled(values):
        return torch.tensor(values).as_subclass(SelfPickled)

    class Doubler(torch.nn.Module):
        def forward(self, x):
            return x * 2

    class Meaner(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(2, 1)

        def forward(self, x):
            return self.linear(x)


kept = []


def echo(value):
    return value


def keep(value):
    kept.append(value)


def double_in_place(tensor):
    tensor.mul_(2)


def make_many(kinds):
    """Make tensors as results, where they are not arguments as well."""
    return {name: maker() for name, maker in makers().items() if name in kinds}


def makers():
    """Return functions that make a tensor of each kind that can be sent, by name."""
    t, eye = torch, torch.eye(3)
    qs, zs = t.tensor([0.1, 0.2]), t.tensor([0, 1])
    known = {
        "contiguous": lambda: t.arange(6.0).reshape(2, 3),
        "transposed": lambda: t.arange(6.0).reshape(2, 3).t(),
        "expanded": lambda: t.arange(3.0).expand(4, 3),
        "with gaps": lambda: t.arange(12.0)[::2],
        "with gaps, transposed": lambda: t.arange(24.0).reshape(4, 6)[:, ::2].t(),
        "with gaps, repeated": lambda: t.arange(12.0)[::3].expand(5, 4),
        "with gaps, conjugate": lambda: t.tensor([1 + 2j, 2 + 3j, 3 + 4j, 5j])[::2].conj(),
        "with gaps, repeated, conjugate": lambda: t.tensor([1 + 2j, 2 + 3j, 5j])[::2].expand(3, 2).conj(),
        "with gaps, leaf": lambda: t.arange(12.0)[::2].requires_grad_(),
        "with gaps, parameter": lambda: t.nn.Parameter(t.arange(12.0)[::2]),
        "with gaps, subclass": lambda: t.arange(12.0)[::2].as_subclass(Tagged),
        "overlapping": lambda: t.arange(12.0).unfold(0, 3, 1),
        "overlapping with gaps": lambda: t.arange(24.0)[::2].unfold(0, 3, 1),
        "real parts": lambda: t.tensor([1 + 2j, 3 - 4j]).real,
        "channels last": lambda: t.arange(48.0).reshape(2, 3, 4, 2).contiguous(memory_format=t.channels_last),
        "zero size": lambda: t.zeros(0),
        "zero rows": lambda: t.zeros(0, 3),
        "scalar": lambda: t.tensor(5),
        "bool": lambda: t.tensor([True, False]),
        "uint8": lambda: t.tensor([1, 255], dtype=t.uint8),
        "int64": lambda: t.tensor([-(2**62)]),
        "float16": lambda: t.ones(3, dtype=t.float16),
        "bfloat16": lambda: t.full((3,), 1.5, dtype=t.bfloat16),
        "complex": lambda: t.tensor([1 + 2j, 3 - 4j]),
        "conjugate": lambda: t.tensor([1 + 2j]).conj(),
        "negative": lambda: t.tensor([1 + 2j]).conj().imag,
        "leaf": lambda: t.ones(2, requires_grad=True),
        "non-leaf": lambda: t.ones(2, requires_grad=True) * 2,
        "parameter": lambda: t.nn.Parameter(t.ones(2)),
        "frozen parameter": lambda: t.nn.Parameter(t.ones(2), requires_grad=False),
        "subclass": lambda: t.ones(2).as_subclass(Tagged),
        "self-pickled": lambda: t.ones(2).as_subclass(SelfPickled),
        "sparse": lambda: eye.to_sparse(),
        "sparse uncoalesced": lambda: t.sparse_coo_tensor(
            t.tensor([[0, 0, 1]]), t.tensor([1.0, 2.0, 3.0]), (2,)
        ),
        "sparse empty": lambda: t.zeros(2, 2).to_sparse(),
        "sparse hybrid": lambda: eye.to_sparse(1),
        "sparse leaf": lambda: eye.to_sparse().requires_grad_(),
        "quantised": lambda: t.quantize_per_tensor(t.ones(3), 0.1, 2, t.qint8),
        "quantised 32": lambda: t.quantize_per_tensor(t.ones(3), 0.1, 0, t.qint32),
        "quantised channels": lambda: t.quantize_per_channel(
            t.ones(2, 3), qs, zs, 0, t.quint8
        ),
        "quantised floats": lambda: t.quantize_per_channel(
            t.ones(2, 3), qs, zs + 0.5, 0, t.quint8
        ),
    }
    if hasattr(t.Tensor, "has_names"):  # until 2.13
        known["named"] = lambda: t.ones(2, 1, names=("a", "b"))
    if hasattr(t.Tensor, "to_sparse_csr"):
        known["csr"] = lambda: eye.to_sparse_csr()
    if hasattr(t.Tensor, "to_sparse_csc"):  # they came together, in 1.13
        known["csc"] = lambda: eye.to_sparse_csc()
        known["bsr"] = lambda: t.eye(4).to_sparse_bsr((2, 2))
        known["bsc"] = lambda: t.eye(4).to_sparse_bsc((2, 2))
    if hasattr(t, "float8_e4m3fn"):
        known["float8"] = lambda: t.ones(3).to(t.float8_e4m3fn)
    return known


def unsendable():
    known = {
        "a meta tensor": lambda: torch.empty(3, device="meta"),
        "elements of less than a byte": lambda: torch.quantize_per_channel(
            torch.ones(2, 4), torch.tensor([0.1, 0.2]), torch.tensor([0.0, 1.0]), 0,
            torch.quint4x2,
        ),
    }
    if torch.backends.mkldnn.is_available():
        known["an MKL-DNN tensor"] = lambda: torch.ones(3).to_mkldnn()
    if hasattr(torch, "nested") and hasattr(torch.nested, "nested_tensor"):
        known["a nested tensor"] = lambda: torch.nested.nested_tensor([torch.ones(2)])
    return known


def make_unsendable(name):
    return unsendable()[name]()
