"""Old pickles stay loadable: testdata/vectors, replayed on whatever Python this is."""

import subprocess
import sys
import tempfile
import unittest
import warnings
from pathlib import Path

try:
    import torch
    import torch.distributed.rpc.internal  # noqa: F401 - may be built without
except ImportError:
    torch = None

from gopyrpc._module.handle import make_handle

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts" / "vectors"
HAVE = {"torch"} if torch is not None else set()


def load_reader():
    sys.path.insert(0, str(SCRIPTS))
    try:
        import vectors
    finally:
        sys.path.remove(str(SCRIPTS))
    return vectors


@unittest.skipUnless(SCRIPTS.is_dir(), "only in a checkout: the vectors are not there")
class Replay(unittest.TestCase):
    def setUp(self):
        self.vectors = load_reader()
        catcher = warnings.catch_warnings()
        catcher.__enter__()
        self.addCleanup(catcher.__exit__, None, None, None)
        warnings.simplefilter("ignore")  # of torch, about its own beta features

    def each(self, root=None):
        """Yield (folder, folder's index, vector) of what can be read here."""
        for name, index in self.vectors.folders(root or self.vectors.ROOT).items():
            for vector in index["vectors"]:
                if HAVE.issuperset(vector["needs"]):
                    yield Path(root or self.vectors.ROOT) / name, index, vector

    def outcome(self, handle, folder, vector):
        """Return the description of what came of *vector*, as its caller sees it."""
        data = (folder / vector["file"]).read_bytes()
        tensors = [self.vectors.tensor_of(spec) for spec in vector["tensors"]]
        if vector["kind"] == "call":
            result = handle.run(data, tensors)
            data, tensors = (result, []) if isinstance(result, bytes) else result
        value = handle.deserialize(data, tensors)
        try:
            handle.handle_exception(value)
        except Exception as exc:
            return exc
        return value

    def check(self, handle, folder, vector):
        with self.subTest(f"{folder.name}/{vector['file']}"):
            got = self.outcome(handle, folder, vector)
            if not folder.name.startswith("gopyrpc") and vector["kind"] == "exception":
                # torch's carries no more than a class; and a text, kept by us.
                names = f"{type(got).__module__}.{type(got).__qualname__}"
                names = getattr(got, "type_name", "") or names
                self.assertIn(vector["expect"].replace("builtins.", ""), names)
                self.assertIn("On WorkerInfo(id=1, name=w1)", str(got))
            else:
                self.assertEqual(self.vectors.describe(got), vector["expect"])

    def test_ours(self):
        handle, count = make_handle(), 0
        for folder, _, vector in self.each():
            if folder.name.startswith("gopyrpc"):
                self.check(handle, folder, vector)
                count += 1
        self.assertGreater(count, 15)

    @unittest.skipIf(torch is None, "torch is not installed for this Python")
    def test_torchs_by_torchs_module(self):
        handle, count = make_handle("torch.distributed.rpc.internal"), 0
        for folder, _, vector in self.each():
            if folder.name.startswith("torch-"):
                self.check(handle, folder, vector)
                count += 1
        self.assertGreater(count, 15)

    def test_torchs_by_ours(self):
        handle, count = make_handle(), 0
        for folder, _, vector in self.each():
            theirs = folder.name.startswith("torch-") and vector["kind"] != "exception"
            # Its tensors are fetched from torch's own thread-local table.
            if theirs and not vector["tensors"]:
                self.check(handle, folder, vector)
                count += 1
        self.assertGreater(count, 6)

    @unittest.skipIf(torch is None, "torch is not installed for this Python")
    def test_ours_by_torchs_module(self):
        """Plain results of ours load in real torch."""
        handle, count = make_handle("torch.distributed.rpc.internal"), 0
        for folder, _, vector in self.each():
            ours = folder.name.startswith("gopyrpc") and vector["kind"] == "value"
            if ours and not vector["tensors"]:
                self.check(handle, folder, vector)
                count += 1
        self.assertGreater(count, 6)

    @unittest.skipIf(torch is None, "torch is not installed for this Python")
    def test_fresh_ones(self):
        """What is made here and now says and loads the same as what is kept."""
        with tempfile.TemporaryDirectory() as root:
            script = str(SCRIPTS / "make.py")
            subprocess.run([sys.executable, "-B", "-W", "ignore", script, root], check=True)
            handles = make_handle(), make_handle("torch.distributed.rpc.internal")
            kept = {f"{f.name}/{v['file']}": v["expect"] for f, _, v in self.each()}
            for folder, _, vector in self.each(root):
                self.check(handles[not folder.name.startswith("gopyrpc")], folder, vector)
                name = f"{folder.name}/{vector['file']}"
                if name in kept:
                    self.assertEqual(vector["expect"], kept[name], name)


if __name__ == "__main__":
    unittest.main()
