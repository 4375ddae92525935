"""Pickles in parts: what is large is not copied, and what is joined is a pickle."""

import pickle
import unittest

from gopyrpc import internal
from gopyrpc._pickling import buffers, pickler
from gopyrpc.internal import PythonUDF, SerializeError

LARGE = bytes(range(256)) * 1000


class Value:
    def __init__(self, *values):
        self.values = values


def parts_of(obj):
    data, tensors = pickler.serialize_parts(obj)
    assert tensors == []
    return data


class Parts(unittest.TestCase):
    def test_large_bytes_are_the_object_itself(self):
        for obj in (LARGE, [LARGE, LARGE[1:]], PythonUDF(len, (LARGE,), {}), PythonUDF(len, (), {"a": LARGE})):
            parts = parts_of(obj)
            self.assertTrue(any(part is LARGE for part in parts), obj)
            self.assertEqual(pickle.loads(b"".join(parts)), obj)
            self.assertEqual(internal.serialize(obj), (b"".join(parts), []))

    def test_small_ones_are_bytes(self):
        for obj in (None, b"a" * (buffers.LARGE - 1), [1] * 8, PythonUDF(len, ("a",), {"b": b""}), Value):
            self.assertIs(type(parts_of(obj)), bytes, obj)

    def test_others_come_out_as_they_were(self):
        for obj in (bytearray(LARGE), LARGE.decode("latin-1"), [[LARGE]] * 3, list(range(100_000)), {"a": [bytearray(LARGE)]}):
            data = pickler.dump_parts(obj)[0]
            for part in data if type(data) is list else [data]:
                self.assertIs(type(part), bytes)
            self.assertEqual(pickle.loads(data if type(data) is bytes else b"".join(data)), obj)

    def test_dump_is_in_one_part(self):
        data, _ = pickler.dump([LARGE])
        self.assertEqual(pickle.loads(data), [LARGE])

    def test_many_parts_are_joined(self):
        obj = [LARGE[i:] for i in range(buffers._MOST)]
        data = pickler.dump_parts(obj)[0]
        self.assertIs(type(data), bytes)
        self.assertEqual(pickle.loads(data), obj)

    def test_a_bytearray_is_as_it_was_at_the_time(self):
        changing = bytearray(LARGE)
        data = b"".join(pickler.dump_parts([changing])[0])
        changing[:] = b"a" * len(changing)
        self.assertEqual(pickle.loads(data), [LARGE])

    def test_a_bytearray_that_changes_its_size(self):
        class Shrinks:
            def __init__(self, victim):
                self.victim = victim

            def __reduce__(self):
                self.victim.pop()
                return tuple, ()

        changing = bytearray(LARGE)
        with self.assertRaisesRegex(SerializeError, "a bytearray changed its size during pickling"):
            pickler.dump_parts([changing, Shrinks(changing)])

    def test_a_glance(self):
        for obj in (LARGE, bytearray(LARGE), "a" * len(LARGE), (1, LARGE), [LARGE], {1: LARGE}, PythonUDF(len, (LARGE,), {})):
            self.assertIs(buffers.has_large(obj), True, type(obj))
        for obj in (b"", [b""], {LARGE: 1}, [[LARGE]], [LARGE] * 9, PythonUDF(len, (), {}), Value(LARGE), None, 1 << 600_000):
            self.assertIs(buffers.has_large(obj), False, type(obj))


if __name__ == "__main__":
    unittest.main()
