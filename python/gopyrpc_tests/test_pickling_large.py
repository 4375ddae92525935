"""Payloads of a gibibyte: how much memory our side of a call takes at its peak.

Heavy, hence only with GOPYRPC_TEST_HEAVY=1. Each case is a process of its own, as the
peak of a process never falls. What the caller holds is there before: the payload, in
a buffer that Python does not own, as with the Go bridge.

    python3 -m gopyrpc_tests.test_pickling_large CASE [BYTES]    prints: before, peak, in bytes
"""

import os
import resource
import subprocess
import sys
import unittest
from pathlib import Path

from gopyrpc._module.handle import make_handle
from gopyrpc.internal import PythonUDF

GIB = 1 << 30
HEAVY = os.environ.get("GOPYRPC_TEST_HEAVY") == "1"


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def payload(module, name, size):
    """Return a pickled call of module.name(bytes of that size), made in place."""
    head = b"\x80\x05cgopyrpc.internal\nPythonUDF\nc%s\n%s\n\x8e%s" % (
        module, name, size.to_bytes(8, "little"))
    tail = b"\x85}\x87\x81."
    data = bytearray(len(head) + size + len(tail))
    data[: len(head)] = head
    data[-len(tail) :] = tail
    for i in range(len(head), len(head) + size, 4096):
        data[i] = 1  # so that the pages exist
    return memoryview(data)


def echo(value):
    return value


def fill(size):
    return b"x" * size


def tensor_payload(handle, size):
    import torch

    tensor = torch.ones(size, dtype=torch.uint8)
    return handle.serialize(PythonUDF(echo, (tensor,), {}))


def case_in(handle, size):
    data = payload(b"builtins", b"len", size)
    return lambda: handle.run(data)


def case_out(handle, size):
    data, _ = handle.serialize(PythonUDF(fill, (size,), {}))
    return lambda: handle.run(data)


def case_echo(handle, size):
    data = payload(b"gopyrpc_tests.test_pickling_large", b"echo", size)
    return lambda: handle.run(data)


def case_replace(handle, size):
    """Bytes in, other bytes out: the argument must be gone as the result is copied."""
    data = payload(b"gopyrpc_tests.test_pickling_large", b"swap", size)
    return lambda: handle.run(data)


def swap(data):
    size = len(data)
    del data
    return b"y" * size


def case_listed(handle, size):
    """Out, inside a list, with torch loaded: this goes through a Pickler and a buffer."""
    try:
        import torch  # noqa: F401
    except ImportError:
        pass
    data, _ = handle.serialize(PythonUDF(fill_list, (size,), {}))
    return lambda: handle.run(data)


def fill_list(size):
    return [b"x" * size]


def case_tensor(handle, size):
    data, table = tensor_payload(handle, size)
    return lambda: handle.run(data, table)


def case_steps(handle, size):
    """serialize and deserialize, as caller."""
    value = fill(size)
    return lambda: handle.deserialize(memoryview(handle.serialize(value)[0]))


def main(case, size):
    handle = make_handle()
    if case == "tensor":
        tensor_payload(handle, 1)  # torch's own memory is not ours
    work = globals()["case_" + case](handle, size)
    before = peak()
    result = work()
    print(before, peak())
    del result


@unittest.skipUnless(HEAVY, "takes gibibytes of memory: GOPYRPC_TEST_HEAVY=1 runs it")
class Large(unittest.TestCase):
    def extra(self, case, size=GIB):
        """Return what the call took at its peak, in units of *size*."""
        root = Path(__file__).resolve().parents[1]
        command = [sys.executable, "-B", "-m", "gopyrpc_tests.test_pickling_large", case, str(size)]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=root)
        before, after = map(int, out.stdout.split())
        print(f"{case}: {(after - before) / size:.3f} of {size} bytes", file=sys.stderr)
        return (after - before) / size

    def test_bytes_in(self):
        self.assertLessEqual(self.extra("in"), 1.1)  # the argument

    def test_bytes_out(self):
        self.assertLessEqual(self.extra("out"), 2.1)  # the result, and its pickle
        self.assertLessEqual(self.extra("listed"), 2.1)

    def test_bytes_both_ways(self):
        self.assertLessEqual(self.extra("echo"), 2.1)

    def test_argument_is_gone_when_the_result_is_pickled(self):
        # 1 in, 1 made from it; then the pickle in place of the argument.
        self.assertLessEqual(self.extra("replace"), 2.1)

    def test_steps(self):
        self.assertLessEqual(self.extra("steps"), 2.1)  # the pickle, the object

    def test_tensor_both_ways(self):
        try:
            import torch  # noqa: F401
        except ImportError:
            self.skipTest("torch is not installed for this Python")
        self.assertLessEqual(self.extra("tensor"), 0.1)  # it is not copied at all


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else GIB)
