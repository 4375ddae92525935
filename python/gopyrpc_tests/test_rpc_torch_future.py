"""Futures where torch is imported are torch's, and its C++ knows their outcomes."""

import subprocess
import sys
import threading
import unittest
from unittest import mock

from gopyrpc._rpc import future as futures
from gopyrpc._rpc import pending
from gopyrpc._rpc.future import CALLBACKS, UNREAD, Future, PlainFuture

try:
    import torch
except ImportError:
    torch = None

Interrupted = type("Interrupted", (BaseException,), {"__module__": "gopyrpc"})


class WithoutTorch(unittest.TestCase):
    def test_futures_are_plain(self):
        program = "import sys, gopyrpc; f = gopyrpc.Future(); print(type(f).__mro__[1:], 'torch' in sys.modules)"
        out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}, check=True)
        self.assertEqual(out.stdout.strip(), "(<class 'gopyrpc.Future'>, <class 'object'>) False")

    def test_replies_wait_to_be_read(self):
        self.assertEqual(PlainFuture()._deliver(b"reply", None, []), 0)

    def test_a_torch_that_is_being_imported(self):
        """It has no futures yet."""
        with mock.patch.object(futures, "_torch_class", None), mock.patch.dict("sys.modules", {"torch.futures": object()}):
            self.assertIs(type(Future()), PlainFuture)


@unittest.skipIf(torch is None, "no torch")
class WithTorch(unittest.TestCase):
    def setUp(self):
        patch = mock.patch.object(futures, "_read", lambda host, reply: reply.decode())
        patch.start()
        self.addCleanup(patch.stop)

    def test_kinds(self):
        future = Future()
        self.assertIsInstance(future, torch.futures.Future)
        self.assertIsInstance(future, torch._C.Future)
        self.assertIs(type(future.then(str)), type(future))

    def test_what_was_set(self):
        future = Future()
        future.set_result("value")
        self.assertEqual(torch._C.Future.wait.__wrapped__(future), "value")
        future = Future()
        future.set_exception(KeyError("x"))
        with self.assertRaisesRegex(KeyError, "x"):
            torch._C.Future.wait.__wrapped__(future)

    def test_what_came_is_read_for_cpp(self):
        future = Future()
        ticket = pending.enter(future, (), None, str, 0)
        self.assertEqual(pending.settle([(ticket, b"value")]), ([], [ticket], []))
        self.assertFalse(torch._C.Future.done(future))
        pending.go_on([ticket])
        self.assertEqual(torch._C.Future.wait.__wrapped__(future), "value")

    def test_what_was_read_before_is_not_read_again(self):
        future = Future()
        self.assertEqual(future._deliver(b"value", None, []), UNREAD)
        self.assertEqual(future.wait(), "value")
        self.assertTrue(torch._C.Future.done(future))
        future._read()
        self.assertEqual(future.wait(), "value")

    def test_callbacks_have_a_thread_of_their_own(self):
        future = Future()
        future.then(str)
        self.assertEqual(future._deliver(b"value", None, []), CALLBACKS)

    def test_who_waits_reads(self):
        future, seen = Future(), []
        thread = threading.Thread(target=lambda: seen.append(future.wait()))
        thread.start()
        while not future._events:
            pass
        self.assertEqual(future._deliver(b"value", None, []), 0)
        thread.join()
        self.assertEqual(seen, ["value"])
        self.assertEqual(torch._C.Future.wait.__wrapped__(future), "value")

    def test_an_interrupted_reader_leaves_it_to_others(self):
        outcomes = [Interrupted(), "value"]

        def read(host, reply):
            outcome = outcomes.pop(0)
            if outcome == "value":
                return outcome
            raise outcome

        future = Future()
        future._deliver(b"value", None, [])
        with mock.patch.object(futures, "_read", read):
            with self.assertRaises(Interrupted):
                future.wait()
            self.assertEqual(torch._C.Future.wait.__wrapped__(future), "value")

    def test_torchs_collect_all_of_others_is_torchs(self):
        Future()
        other = torch.futures.Future()
        collected = torch.futures.collect_all([other])
        self.assertNotIsInstance(collected, Future)
        other.set_result(1)
        self.assertEqual(torch.futures.wait_all([other]), [1])

    def test_torchs_wait_all_ends_with_the_first_failure(self):
        never, fails, mine = Future(), Future(), torch.futures.Future()
        fails.set_exception(KeyError("x"))
        with self.assertRaises(KeyError):
            torch.futures.wait_all([never, mine, fails])

    def test_futures_that_torch_did_not_have(self):
        """A torch with other futures: ours are plain."""
        with mock.patch.object(futures, "_torch_class", None), mock.patch.dict("sys.modules", {"torch._C": object()}):
            self.assertIs(type(Future()), PlainFuture)

    def test_no_pickle(self):
        with self.assertRaisesRegex(TypeError, "Can not pickle torch.futures.Future"):
            Future().__reduce__()


if __name__ == "__main__":
    unittest.main()
