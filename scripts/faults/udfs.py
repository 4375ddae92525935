"""Functions that misbehave."""

import sys

from .failedwrite import feeds_nobody, fails_to_write, signals_of_children  # noqa: F401


def udf(internal, name, *args):
    function = globals().get(name)
    if function is None:
        from . import interrupted  # imports modules that the other functions should not find loaded

        function = getattr(interrupted, name)
    return sys.modules[internal].PythonUDF(function, args, {})


def add(a, b):
    return a + b


def spin():
    while True:
        pass


def sleep(seconds):
    import time

    time.sleep(seconds)
    return "slept"


def sleeps_at(worker, seconds):
    import gopyrpc

    return gopyrpc.rpc_sync(worker, sleep, args=(seconds,))


def stubborn():
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


def in_c(size=31):  # the call holds the GIL and reacts to nothing
    import re

    return re.match(r"(a+)+$", "a" * size + "b")


def busy(pattern_size):
    in_c(pattern_size)
    return "done"


def exits(code):
    sys.exit(code)


def raises(name, text=""):
    import builtins

    raise getattr(builtins, name)(text)


def os_exit(code):
    import os

    os._exit(code)


def abort():
    import os

    os.abort()


def segfault():
    import ctypes

    ctypes.string_at(0)


def on_thread(name):
    import threading

    t = threading.Thread(target=globals()[name])
    t.start()
    t.join()


def asks_for_fork():
    import os

    try:
        os.fork()
    except RuntimeError as exc:
        return "refused" if "spawn" in str(exc) else str(exc)
    return "a child"


def forks():
    import ctypes
    import os
    import time

    child = ctypes.PyDLL(None).fork()
    if child == 0:
        raise RuntimeError("in the child")
    for _ in range(1000):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return "the child failed" if status else "the child went on"
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return "the child never ended"


class HostileText(Exception):
    def __str__(self):
        raise RuntimeError("str fails")

    __repr__ = __str__


class HostileExit(Exception):
    def __str__(self):
        sys.exit(5)

    __repr__ = __str__


class LoopingText(Exception):
    def __str__(self):
        while True:
            pass

    __repr__ = __str__


class NoText(Exception):
    def __str__(self):
        return 5


class HostileClass(type):
    def __getattribute__(cls, name):
        if name in ("__name__", "__qualname__", "__module__"):
            raise OSError(name)
        return type.__getattribute__(cls, name)


class HostileName(Exception, metaclass=HostileClass):
    pass


def hostile(name):
    raise globals()[name]("hostile")


class HostileDel:
    def __del__(self):
        raise RuntimeError("del fails")


def hostile_del(n):
    for _ in range(n):
        HostileDel()
    return "survived"


def deep(n=0):
    return deep(n + 1)


def deep_attribute():
    class Deep:
        def __getattr__(self, name):
            return getattr(self, name + "x")

    return Deep().x


def deep_sorted():
    return sorted([1], key=lambda _: deep_sorted())


def deep_repr():
    nested = []
    for _ in range(100000):
        nested = [nested]
    return len(repr(nested))


def clear_modules():
    sys.modules.clear()


def no_import():
    import builtins

    builtins.__import__ = None


def no_builtins():
    import builtins

    for name in ("len", "isinstance", "getattr", "type", "repr", "str", "BaseException", "Exception", "dict"):
        delattr(builtins, name)


def close_streams():
    sys.stdout.close()
    sys.stderr.close()


def no_streams():
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = None


def close_descriptor(fd):
    import os

    os.close(fd)


def replace_descriptor(fd):
    import os

    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, fd)
    os.close(null)


def allocate(size):
    return len(bytearray(size))


def limited(size):
    import resource

    with open("/proc/self/statm") as statm:
        limit = int(statm.read().split()[0]) * resource.getpagesize() + size // 4
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    try:
        return len(bytearray(size))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def hoard(size):
    kept = []
    while True:
        kept.append(bytearray(size))


def zeros(size):
    return bytes(size)


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


class EndlessState:
    def __getstate__(self):
        return {"next": EndlessState()}


def endless_state():
    return EndlessState()


class EndlessReduce:
    def __reduce__(self):
        import pickle

        return bytes, (pickle.dumps(self),)


def endless_reduce():
    return EndlessReduce()


def endless(self):
    return endless(self)


class EndlessInit:
    def __reduce__(self):
        return endless, (0,)


def endless_init():
    return EndlessInit()


def unpicklable():
    return lambda: None


def runs_program():
    import subprocess

    return subprocess.run(["/bin/sh", "-c", "echo from a child"], stdout=subprocess.PIPE).stdout.decode().strip()


def interrupts_main():
    import _thread

    _thread.interrupt_main()
    return "interrupted"


def sets_signal():
    import signal

    signal.signal(signal.SIGTERM, lambda *a: None)


def threads(n):
    import threading
    import time

    for i in range(n):
        threading.Thread(target=time.sleep, args=(1000,), daemon=True, name="endless %d" % i).start()
    return threading.active_count() - 1


def leaves_generator():
    def generator():
        try:
            yield 1
        finally:
            raise RuntimeError("in a generator's end")

    next(generator())
    return "left"


def tracing():
    def trace(*args):
        raise RuntimeError("in a trace function")

    sys.settrace(trace)
    sys.setprofile(None)


def low_limit():
    sys.setrecursionlimit(60)


def changes_directory():
    import os
    import tempfile

    d = tempfile.mkdtemp()
    os.chdir(d)
    os.rmdir(d)
    return "gone"


def calls(function, *args):
    return function(*args)


def seen_of(function):
    try:
        return function()
    except Exception as exc:
        return "%s: %s" % (type(exc).__name__, exc)


def first_torch(passes):
    import torch

    x = torch.ones(3, requires_grad=True)
    for _ in range(passes):
        (x * x).sum().backward()
    return x.grad[0].item()


def no_grad():
    import torch

    torch.set_grad_enabled(False)
    torch.set_default_dtype(torch.float32)
    return torch.is_grad_enabled()


def grad_enabled():
    import torch

    return torch.is_grad_enabled()


def tensor(n):
    import torch

    return torch.arange(n)


def total(t):
    return t.sum().item()
