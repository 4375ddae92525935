"""As much of Ray as the document's actors need: each actor is a process, and its methods return futures."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import SimpleNamespace

util = SimpleNamespace(get_node_ip_address=lambda: "127.0.0.1")
_instance = None


def remote(cls):
    cls.remote = classmethod(lambda c: _Actor(c.__name__))
    return cls


def get(futures):
    return [f.result() for f in futures] if isinstance(futures, list) else futures.result()


class _Actor:
    def __init__(self, name):
        self._name = name
        self._process = ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    def __getattr__(self, method):
        return SimpleNamespace(remote=lambda *args: self._process.submit(_call, self._name, method, args))


def _call(name, method, args):
    global _instance
    if _instance is None:
        import actors

        _instance = getattr(actors, name)()
    return getattr(_instance, method)(*args)
