"""Cases 69 to 79: payloads that are no PythonUDF, or hardly a pickle."""

import pickle
import unittest

from gopyrpc.internal import DeserializeError, PythonUDF, RemoteException, _receive_tensor

from . import targets
from .wire import handle, receive


class FromTable:
    """Pickles as the tensor of that index."""

    def __init__(self, index):
        self.index = index

    def __reduce__(self):
        return _receive_tensor, (self.index,)


class Raw(unittest.TestCase):
    def test_case_069_to_071_no_pickle(self):
        whole = pickle.dumps(PythonUDF(targets.add, (1, 2), {}))
        for data in (b"", b"\0garbage", b"plain text", b"\x80\x04\x8c\x01\xff.",
                     b"\x80\x09K\x01.", whole[:-1], whole[:20]):
            with self.assertRaises(DeserializeError) as caught:
                handle.run(data)
            self.assertIsNotNone(caught.exception.__cause__)

    def test_case_072_078_trailing_bytes_and_protocols(self):
        for protocol in range(6):
            data = pickle.dumps(PythonUDF(targets.add, (1, 2), {}), protocol)
            self.assertEqual(receive(handle.run(data + b"trailing")), 3)

    def test_case_073_no_udf(self):
        for value in (5, None, (targets.add, (1,), {}), RemoteException("m", KeyError)):
            with self.assertRaisesRegex(TypeError, "expected a PythonUDF"):
                receive(handle.run(pickle.dumps(value)))

    def test_case_074_attribute_error_is_a_value_like_any_other(self):
        with self.assertRaisesRegex(TypeError, "expected a PythonUDF, got AttributeError"):
            receive(handle.run(pickle.dumps(AttributeError("mine"))))

    def test_case_075_nothing_to_call(self):
        for udf in (PythonUDF(targets.add, (), None), PythonUDF(None, (), {})):
            with self.assertRaises(TypeError):
                receive(handle.run(pickle.dumps(udf)))

    def test_case_076_077_table(self):
        udf = pickle.dumps(PythonUDF(targets.echo, (FromTable(1),), {}))
        for table in (None, [], ["a"]):
            with self.assertRaisesRegex(DeserializeError, "refers to tensor 1"):
                handle.run(udf, table)
        self.assertEqual(receive(handle.run(udf, ["a", "b", "c"])), "b")
        with self.assertRaisesRegex(DeserializeError, "refers to tensor -1"):
            handle.run(pickle.dumps(PythonUDF(targets.echo, (FromTable(-1),), {})), ["a"])


if __name__ == "__main__":
    unittest.main()
