"""How a group finds together: what is asked of Go, and of what listens at the port."""

import unittest
from threading import Event, Thread
from unittest.mock import patch

from gopyrpc._rpc import group, hosts, meeting, probe, stores
from gopyrpc._rpc.init_method import InitMethod
from gopyrpc._rpc.options import RpcBackendOptions


class Starter:
    """Go's side, which notes what it is asked."""

    def __init__(self, fails=None):
        self.said, self._fails = [], fails

    def find(self, address, *_):
        return address

    def start(self, _name, rank, _world, _timeout, address, coordinator, hosts, lent, *_):
        self.said.append((rank, address, coordinator, hosts))
        return "127.0.0.1:4711"

    def meet(self):
        if self._fails is not None:
            raise self._fails

    def give_up(self):
        self.said.append("given up")


class Store:
    """A store of torch's."""

    def __init__(self, texts):
        self.texts = texts

    def set(self, key, text):
        self.texts[key] = text

    def look(self, key):
        return self.texts.get(key)

    def remove(self, key):
        del self.texts[key]


def join(starter, rank, listens=(), store=None, url="tcp://127.0.0.1:29500"):
    """Join a group of two, where at the port are the *listens*, one after the other."""
    made = iter(store if isinstance(store, list) else [store])

    def tcp_store(host, port):
        one = next(made)
        if isinstance(one, Exception):
            raise one
        return one

    with patch.object(probe, "listener", side_effect=list(listens)), patch.object(stores, "TCPStore", tcp_store):
        meeting.join(starter, ("me", rank, 2, 60.0), InitMethod(url), {}, {})


class Within(unittest.TestCase):
    def test_what_it_returns_and_raises(self):
        self.assertEqual(stores.within(60, lambda: 5, None), 5)
        with self.assertRaises(ZeroDivisionError):
            stores.within(60, lambda: 1 // 0, None)

    def test_work_that_never_ends(self):
        release, late = Event(), []
        self.addCleanup(release.set)
        clock = iter(range(0, 1000, 7))
        with patch.object(stores, "monotonic", lambda: next(clock)), patch("threading.Thread.join"):
            with self.assertRaisesRegex(TimeoutError, "has said nothing for 60 s"):
                stores.within(60, release.wait, late.append)
        self.assertEqual(late[:2], [10, 20])


class Meeting(unittest.TestCase):
    def test_rank_0_listens_where_nobody_does(self):
        starter = Starter()
        join(starter, 0, [probe.NOBODY])
        self.assertEqual(starter.said, [(0, "127.0.0.1:29500", "", True)])

    def test_the_others_wait_until_it_does(self):
        starter = Starter()
        join(starter, 1, [probe.NOBODY, probe.NOBODY, probe.WORKER])
        self.assertEqual(starter.said, [(1, "127.0.0.1:29500", "", False)])

    def test_a_store_that_has_the_port_says_where_rank_0_is(self):
        texts, first, second = {}, Starter(), Starter()
        with patch.dict(meeting._met, clear=True):
            join(first, 0, [probe.OTHER], Store(texts))
        self.assertEqual(list(texts.values()), ["me=127.0.0.1:4711"])
        with patch.dict(meeting._met, clear=True):
            join(second, 1, [probe.OTHER], Store(texts))
        self.assertEqual(first.said, [(0, "127.0.0.1:29500", "", False)])
        self.assertEqual(second.said, [(1, "127.0.0.1:4711", "me", False)])

    def test_a_group_that_does_not_meet_takes_its_word_back(self):
        texts, starter = {}, Starter(fails=KeyboardInterrupt())
        with self.assertRaises(KeyboardInterrupt):
            join(starter, 0, [probe.OTHER], Store(texts))
        self.assertEqual((texts, starter.said[-1]), ({}, "given up"))

    def test_one_thread_at_a_time(self):
        inside, over = Event(), Event()

        class Waiting(Starter):
            def meet(self):
                inside.set()
                over.wait()
                raise RuntimeError("over")

        def begin():
            options = RpcBackendOptions(init_method="gopyrpc://127.0.0.1:29500")
            with self.assertRaises(RuntimeError) as caught:
                group.join_group("w0", 0, 1, options)
            return str(caught.exception)

        with patch.object(hosts, "_starter", Waiting()):
            said = []
            thread = Thread(target=lambda: said.append(begin()))
            thread.start()
            inside.wait()
            self.assertIn("in progress on another thread", begin())
            over.set()
            thread.join()
            self.assertEqual((said, begin()), (["over"], "over"))

    def test_an_agent_is_given_up_where_the_store_fails(self):
        starter = Starter()
        with self.assertRaises(TypeError):
            join(starter, 0, [probe.OTHER], Store(None))  # which takes no word
        self.assertEqual(starter.said[-1], "given up")

    def test_groups_are_counted_by_store(self):
        class Given(Store):
            def add(self, key, number):
                return 1

        def keys_of_two():
            store = Given({})
            for _ in range(2):
                meeting.join(Starter(), ("me", 0, 2, 60.0), InitMethod("env://"), {}, {}, store)
            return [key for key in store.texts if not key.endswith("/there")]

        for _ in range(10):  # a store may have the place of an earlier one in memory
            self.assertEqual(keys_of_two(), ["gopyrpc/0/2/0", "gopyrpc/0/2/1"])

    def test_a_store_that_has_gone_keeps_nobody(self):
        host = hosts.Host("me", 0, {"me": 0}, 60.0, {}, grows=True)
        texts = {}
        with patch.object(hosts, "_hosts", [host]):
            with patch.object(probe, "listener", return_value=probe.OTHER), patch.object(stores, "TCPStore", lambda *_: Store(texts)):
                meeting.join(Starter(), ("me", 0, 0, 60.0), InitMethod("tcp://127.0.0.1:29500"), {}, {})
            self.assertEqual(list(texts.values()), ["me=127.0.0.1:4711"])
            texts.clear()
            hosts.remove(host)
            self.assertIsNone(hosts.find())

    def test_a_worker_that_is_leaving_is_no_store(self):
        starter = Starter()
        join(starter, 1, [probe.OTHER, probe.NOBODY, probe.WORKER, probe.WORKER], [RuntimeError("reset")])
        self.assertEqual(starter.said, [(1, "127.0.0.1:29500", "", False)])
        with self.assertRaisesRegex(RuntimeError, "no store"):
            join(Starter(), 1, [probe.OTHER, probe.OTHER], [RuntimeError("no store")])

    def test_torchrun_has_the_port(self):
        variables = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500", "TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "3"}
        texts = {}
        with patch.dict("os.environ", variables):
            join(Starter(), 0, [], Store(texts), "env://")
        self.assertRegex(next(iter(texts)), "/3/2/", "a restart has a key of its own")

    def test_our_own_kind_asks_no_store(self):
        starter = Starter()
        join(starter, 1, [], None, "gopyrpc://w0@127.0.0.1:29500")
        self.assertEqual(starter.said, [(1, "127.0.0.1:29500", "w0", False)])


class Files(unittest.TestCase):
    def test_a_file_that_cannot_be_written_is_named_with_what_it_is(self):
        with self.assertRaisesRegex(FileNotFoundError, "the file of init_method cannot be written: .*/nonexistent/store"):
            stores.FileStore("/nonexistent/store").set("key", "text")


if __name__ == "__main__":
    unittest.main()
