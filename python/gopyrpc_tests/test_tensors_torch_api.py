"""Torch's optional parts: nothing else is used, and what one's absence means."""

import ast
import re
import sys
import types
import unittest
from pathlib import Path
from unittest import mock

import gopyrpc
from gopyrpc import internal
from gopyrpc._tensors import description, torch_access, torch_api
from gopyrpc.internal import DeserializeError

from .test_tensors import names_of
from .torch_targets import torch

PACKAGE = Path(gopyrpc.__file__).parent
PROBES = "torch_api.py"


class SentByTorch113:
    """Pickled as a tensor with names is, also where torch has no such tensors."""

    def __init__(self, tensor, names):
        self.parts = tensor, names

    def __reduce__(self):
        return internal._receive_named, self.parts


@unittest.skipIf(torch is None, "torch is not installed for this Python")
class OptionalParts(unittest.TestCase):
    def test_the_package_uses_only_what_every_torch_has(self):
        # Of the torch at hand; the tests run with the oldest and the newest.
        used = set().union(*(attributes(path) for path in PACKAGE.rglob("*.py")))
        self.assertIn("torch.Tensor", used)
        self.assertIn("tensor.data_ptr", used)
        self.assertEqual([name for name in sorted(used) if not has(name)], [])

    def test_names(self):
        data, table = internal.serialize(SentByTorch113(torch.ones(2, 1), ("a", "b")))
        if torch_api.of(torch).has_names is None:
            self.assertRaisesRegex(DeserializeError, "no named tensors", internal.deserialize, data, table)
        else:
            self.assertEqual(names_of(internal.deserialize(data, table)), ("a", "b"))

    def test_without_named_tensors(self):
        data, table = internal.serialize(SentByTorch113(torch.ones(2, 1), ("a", "b")))
        with mock.patch.object(torch_api.of(torch), "has_names", None):
            with self.assertRaisesRegex(
                DeserializeError,
                r"names \('a', 'b'\) of its dimensions arrived, but torch \S+ has no named"
                r" tensors; send tensor.rename\(None\)",
            ):
                internal.deserialize(data, table)
            self.assertEqual(names_of(description._plain(torch, 0, table[0])), names_of(table[0]))

    def test_without_quantised_tensors(self):
        want = torch.ones(2, dtype=torch.int8)
        with mock.patch.object(torch_api.of(torch), "make_per_tensor", None):
            with self.assertRaisesRegex(TypeError, r"quantised tensor arrived, but torch \S+ has none"):
                internal._receive_quantized(want, 1.0, 0)

    def test_a_part_that_is_absent(self):
        api = torch_api.Api(Bare)
        self.assertIsNone(api.has_names)
        self.assertIsNone(api.names_of(object()))
        self.assertIsNone(api.script_module)
        for kind in (api.is_quantized, api.is_meta, api.is_mkldnn, api.is_nested):
            self.assertIs(kind(object()), False)
        self.assertEqual(api.untyped_storage(Bare.Tensor()), "1.13's")

    def test_torch_without_script_modules_is_found(self):
        with mock.patch.object(torch_api.of(torch), "script_module", None):
            self.assertIs(torch_access.find(), torch)
            self.assertFalse(torch_access.is_script_module(torch.nn.Linear))


class StandIn(unittest.TestCase):
    def test_is_not_taken_for_torch(self):
        """Tests and libraries that can do without torch put modules of its name in its place."""
        stand_in = types.ModuleType("torch")
        stand_in.Tensor = type("Tensor", (), {})
        with mock.patch.dict(sys.modules, torch=stand_in), mock.patch.object(torch_access, "_found", None):
            self.assertIsNone(torch_access.find())
            self.assertIsNone(torch_access.grad_switch())
            internal.serialize([types.SimpleNamespace(a=1)])


class Bare:
    """A torch of which the optional parts are gone."""

    class Tensor:
        def _storage(self):
            return "1.13's"

    class _C:
        DisableTorchFunction = object


def attributes(path):
    """Return what the file *path* names as ``torch.…`` and ``tensor.…``."""
    if path.name == PROBES:
        return set()
    tree = ast.parse(path.read_text("utf-8"))
    chains = (ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute))
    chains = [re.sub(r"\w+\(\)\.", "", chain) for chain in chains]  # of what a method gives
    behind_a_probe = {"tensor.rename", "tensor.names"}
    return {
        chain for chain in chains
        if chain.startswith(("torch.", "tensor.")) and "(" not in chain and chain not in behind_a_probe
    }


def has(name):
    first, *rest = name.split(".")
    value = torch if first == "torch" else torch.ones(2)
    for part in rest:
        if not hasattr(value, part):
            return False
        value = getattr(value, part)
    return True


if __name__ == "__main__":
    unittest.main()
