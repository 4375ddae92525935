"""Make the test vectors: pickles by real torch's RPC module, and by gopyrpc's.

    python3 scripts/vectors/make.py [FOLDER]        (default: testdata/vectors)

The script writes FOLDER/torch-<version>, FOLDER/gopyrpc and FOLDER/gopyrpc-2; without torch, only gopyrpc's
vectors that need no torch. The kept vectors of gopyrpc are the promise that old pickles stay loadable. So the
additions of a new format go into a new folder, and the old folders are not made anew.
"""

import collections
import datetime
import decimal
import io
import json
import operator
import platform
import sys
import types
import urllib.error
from pathlib import Path

HERE = Path(__file__).resolve().parent
if "gopyrpc" not in sys.modules:  # as a script; the bridge has put its own there
    sys.path.insert(0, str(HERE.parents[1] / "python"))

import vectors  # noqa: E402

try:
    import torch
except ImportError:
    torch = None

from gopyrpc import internal  # noqa: E402


class Folder:
    """Writes vectors into one folder, with *module*'s serialize."""

    def __init__(self, path, module):
        self.path, self.module, self.vectors = path, module, []
        path.mkdir(parents=True, exist_ok=True)

    def add(self, kind, name, obj, what, expect, needs=()):
        data, tensors = self.module.serialize(obj)
        file = f"{kind}-{name}.pkl"
        (self.path / file).write_bytes(data)
        entry = {"file": file, "kind": kind, "what": what, "expect": expect}
        entry["needs"] = sorted({*needs, *(["torch"] if tensors else [])})
        entry["tensors"] = [vectors.spec_of(t) for t in tensors]
        self.vectors.append(entry)

    def call(self, name, function, args=(), kwargs=None, needs=()):
        udf = self.module.PythonUDF(function, args, kwargs or {})
        expect = vectors.describe(function(*args, **(kwargs or {})))
        what = f"{function.__qualname__} called"
        self.add("call", name, udf, what, expect, needs)

    def value(self, name, value, needs=()):
        expect = vectors.describe(value)
        self.add("value", name, value, type(value).__name__, expect, needs)

    def close(self):
        index = {
            "torch": torch.__version__ if torch else None,
            "python": platform.python_version(),
            "vectors": self.vectors,
        }
        text = json.dumps(index, indent=1, ensure_ascii=True) + "\n"
        (self.path / "index.json").write_text(text, "utf-8")


def add_plain(folder, needs=()):
    """Add what both modules can pickle without tensors."""
    folder.call("add", operator.add, (1, 2), needs=needs)
    folder.call("keywords", dict, ([("a", 1)],), {"b": 2}, needs=needs)
    folder.call("bytes", bytes.upper, (b"a\0b\xff",), needs=needs)
    folder.value("none", None)
    folder.value("text", "caf\u00e9 \u4e2d\U0001f600 \ud800 nul\0 C:\\users")
    folder.value("numbers", [0, -1, 2**200, 1.5, float("inf"), 1 + 2j, True])
    folder.value("nested", {"a": [1, (2, {"b": None})], 3: b"x" * 300})
    folder.value("classes", [int, operator.add, collections.OrderedDict(a=1)])
    folder.value("times", [datetime.timedelta(1, 2), decimal.Decimal("1.50")])
    folder.value("exception-instance", KeyError("a value, not raised"))


def add_torch(folder):
    """Add what torch's module can pickle, and ours too where torch is installed."""
    needs = ["torch"]
    t = torch
    folder.call("torch-add", t.add, (t.ones(2), t.tensor([1.0, 2.0])), needs=needs)
    folder.call("torch-cat", t.cat, ([t.arange(3), t.arange(2)],), {"dim": 0}, needs)
    folder.value("tensor", t.arange(6.0).reshape(2, 3), needs)
    folder.value("tensors", {"b": t.tensor([True]), "c": [t.tensor(1 + 2j)]}, needs)
    folder.value("parameter", t.nn.Parameter(t.ones(2)), needs)
    folder.value("dtype", [t.float32, t.Size([1, 2])], needs)


def add_tensors_of_ours(folder):
    needs = ["torch"]
    eye = torch.eye(2)
    quantised = torch.quantize_per_tensor(eye, 0.5, 1, torch.qint8)
    folder.value("leaf", torch.ones(2, requires_grad=True), needs)
    folder.value("view", torch.arange(100.0)[10:12], needs)
    folder.value("conj", torch.tensor([1 + 2j]).conj(), needs)
    folder.value("sparse-coo", eye.to_sparse(), needs)
    folder.value("sparse-csr", eye.to_sparse_csr(), needs)
    folder.value("quantised", quantised, needs)


def add_second_format(folder):
    """Add what the second format of our pickles brought: strides, and fields that arguments do not make."""
    unopened = urllib.error.URLError("refused", "/f")  # an OSError with a constructor of its own
    unwritable = io.UnsupportedOperation("no")
    for name, exc in {"own-constructor": unopened, "two-bases": unwritable}.items():
        add_exception(folder, name, exc)
    if torch is not None:
        folder.value("gaps", torch.arange(10.0)[::3], ["torch"])
        folder.value("gaps-repeated", torch.arange(6).reshape(2, 3)[:, :2].expand(2, 2, 2), ["torch"])


def raising(function, *args):
    try:
        function(*args)
    except BaseException as exc:
        return exc


def chained():
    try:
        operator.getitem({}, "k")
    except KeyError as exc:
        raise ValueError("caf\u00e9 C:\\x nul\0 \ud800") from exc


def noted():
    exc = LookupError("with notes", 2)
    exc.__notes__ = ["first", "sec\0ond"]
    raise exc


def exceptions():
    """Return {name: exception}, with exceptions of classes that every Python has."""
    return {
        "zero-division": raising(operator.truediv, 1, 0),
        "key-error": raising(operator.getitem, {}, "k"),
        "file-not-found": raising(open, "/no/such/file"),
        "unicode-decode": raising(bytes.decode, b"\xff"),
        "three-arguments": raising(json.loads, "{"),
        "chained": raising(chained),
        "noted": raising(noted),
        "exit": raising(sys.exit, 3),
    }


def add_exceptions_of_ours(folder):
    for name, exc in exceptions().items():
        add_exception(folder, name, exc)


def add_exception(folder, name, exc):
    result = internal._run_function(internal.PythonUDF(_throw, (exc,), {}))
    seen = raising(internal._handle_exception, roundtrip(folder.module, result))
    expect = vectors.describe_exception(seen)
    folder.add("exception", name, result, type(exc).__name__, expect)


def add_exceptions_of_torch(folder):
    """Add exceptions as torch's _run_function makes them: a text, and a class by name."""
    for name, exc in exceptions().items():
        if not isinstance(exc, Exception) or name == "chained":
            continue  # torch does not catch a SystemExit, and garbles the text of "chained"
        msg = f"On WorkerInfo(id=1, name=w1):\n{exc!r}\nTraceback\n"
        result = folder.module.RemoteException(msg, type(exc))
        expect = f"{type(exc).__module__}.{type(exc).__qualname__}"
        folder.add("exception", name, result, "RemoteException", expect, ["torch"])


def roundtrip(module, obj):
    return module.deserialize(*module.serialize(obj))


def _throw(exc):
    raise exc


def forget_where_this_is():
    """Give this module's functions a file name that is not this machine's, as tracebacks carry file names."""
    for function in list(globals().values()):
        if isinstance(function, types.FunctionType) and function.__module__ == __name__:
            function.__code__ = function.__code__.replace(co_filename="/src/gopyrpc/scripts/vectors/make.py")


def main(root):
    forget_where_this_is()
    ours = Folder(root / "gopyrpc", internal)
    add_plain(ours)
    add_exceptions_of_ours(ours)
    if torch is not None:
        add_torch(ours)
        add_tensors_of_ours(ours)
        import torch.distributed.rpc.internal as torchs

        # A payload that names torch's PythonUDF needs torch to be read at all.
        theirs = Folder(root / f"torch-{torch.__version__.split('+')[0]}", torchs)
        add_plain(theirs, ["torch"])
        add_torch(theirs)
        add_exceptions_of_torch(theirs)
        theirs.close()
    ours.close()
    second = Folder(root / "gopyrpc-2", internal)
    add_second_format(second)
    second.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else vectors.ROOT)
