"""User functions that leave the process worse than they found it. Each returns; what is tested is what
the calls after it see. Those that could end a process are in depths.py."""

import atexit
import builtins
import contextvars
import copyreg
import decimal
import gc
import logging
import os
import sys
import threading
import warnings

kept = []  # what must not die with the function


def prepare():
    """What Close has to do in any case: a hook to run, and a line that is still in Python's buffer."""
    atexit.register(os.write, 1, b"hook ran\n")
    sys.stdout.write("buffered\n")


def junk_streams():
    sys.stdout, sys.stderr = object(), 5


def raising_streams():
    class Stream:
        closed = False

        def write(self, text):
            raise OSError("disk full")

        flush = fileno = __iter__ = write

    sys.stdout = sys.stderr = Stream()


def delete_streams():
    del sys.stdout, sys.stderr


def delete_stderr_while_logging():
    logging.basicConfig(level=logging.DEBUG)
    del sys.stderr
    logging.getLogger("gopyrpc.udf").error("into nowhere")


def raising_log_handler():
    class Handler(logging.Handler):
        def emit(self, record):
            raise RuntimeError("no room for the record")

    logging.getLogger("gopyrpc.udf").setLevel(logging.DEBUG)
    logging.getLogger().addHandler(Handler())


def replace_modules():
    sys.modules = {}


def modules_none():
    sys.modules = None


def clear_builtins():
    kept.append(vars(builtins).copy())
    vars(builtins).clear()


def useless_builtins():
    def useless(*args, **kwargs):
        raise RuntimeError("a builtin that was replaced")

    for name in ("len", "print", "isinstance", "__import__", "open", "repr", "getattr", "compile", "exec"):
        setattr(builtins, name, useless)


def lying_builtins():
    builtins.len = lambda value: 0
    builtins.isinstance = builtins.issubclass = builtins.callable = lambda *args: False


def switch_interval():
    sys.setswitchinterval(1e-6)


def trace():
    def tracer(*args):
        raise RuntimeError("a trace function that raises")

    sys.settrace(tracer)


def profile():
    def profiler(*args):
        raise RuntimeError("a profile function that raises")

    sys.setprofile(profiler)


def quiet_trace():
    sys.settrace(lambda *args: None)
    sys.setprofile(lambda *args: None)


def trace_all_threads():
    threading.settrace(lambda *args: None)
    threading.setprofile(lambda *args: None)


def low_recursion_limit():
    for limit in range(5, 100):
        try:
            sys.setrecursionlimit(limit)
            return
        except RecursionError:
            pass


def empty_path():
    sys.path[:] = []


def junk_path():
    sys.path = [None, 5, b"x"]


def no_importers():
    sys.meta_path.clear()
    sys.path_hooks.clear()
    sys.path_importer_cache.clear()


def raising_importer():
    class Importer:
        def find_spec(self, *args):
            raise RuntimeError("an importer that raises")

    sys.meta_path.insert(0, Importer())


def clear_environment():
    os.environ.clear()


def change_directory():
    os.chdir("/")


def directory_that_is_gone():
    import tempfile

    gone = tempfile.mkdtemp()
    os.chdir(gone)
    os.rmdir(gone)


def disable_gc():
    gc.disable()
    gc.freeze()


def frantic_gc():
    gc.set_threshold(1, 1, 1)


def warnings_are_errors():
    warnings.simplefilter("error")
    warnings.showwarning = None


def disable_logging():
    logging.disable(logging.CRITICAL)
    logging.raiseExceptions = False
    logging.getLogger = None


def decimal_precision():
    decimal.getcontext().prec = 1
    decimal.DefaultContext.prec = 1


def set_locale():
    import locale

    locale.setlocale(locale.LC_ALL, "C")


def clear_copyreg():
    copyreg.dispatch_table.clear()
    copyreg._extension_registry.clear()


def useless_pickle():
    import _pickle
    import pickle

    for module in (pickle, _pickle):
        for name in ("dumps", "loads", "Pickler", "Unpickler", "PicklingError", "UnpicklingError"):
            setattr(module, name, None)


def useless_linecache():
    import linecache
    import traceback

    linecache.getline = linecache.checkcache = None
    traceback.TracebackException = None


def raising_hooks():
    def hook(*args):
        raise RuntimeError("a hook that raises")

    sys.excepthook = sys.unraisablehook = threading.excepthook = sys.displayhook = hook


class Dying:
    def __del__(self):
        raise RuntimeError("raised in __del__")


def raise_in_del():
    kept.append(Dying())
    cycle = Dying()
    cycle.self = cycle
    Dying()


def exit_in_del():
    class Leaving:
        def __del__(self):
            sys.exit(4)

    Leaving()
    kept.append(Leaving())


def threads_left():
    """Threads, daemons and not, that are there as long as the process."""
    for daemon in (True, False):
        running = threading.Event()

        def run(running=running):
            running.set()
            threading.Event().wait()

        threading.Thread(target=run, daemon=daemon).start()
        running.wait()


def exit_in_thread():
    thread = threading.Thread(target=sys.exit, args=(5,))
    thread.start()
    thread.join()


def raise_in_thread():
    thread = threading.Thread(target=Dying.__del__, args=(None,))
    thread.start()
    thread.join()


def pool_left():
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(2)
    pool.submit(threading.Event().wait, 0)
    kept.append(pool)


def loop_left():
    import asyncio

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.close()


def loop_running():
    import asyncio

    async def never():
        await asyncio.Event().wait()

    loop = asyncio.new_event_loop()
    running = threading.Event()
    loop.call_soon(running.set)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    running.wait()
    kept.append(asyncio.run_coroutine_threadsafe(never(), loop))


def alarm():
    import signal

    signal.setitimer(signal.ITIMER_REAL, 1e-4)
    while signal.getitimer(signal.ITIMER_REAL)[0]:
        pass
    signal.alarm(1)


def generator_left():
    def endless():
        try:
            while True:
                yield
        finally:
            raise RuntimeError("raised while closing")

    generator = endless()
    next(generator)
    kept.append(generator)


def exception_left():
    """The exception being handled stays with a generator that is never finished."""

    def handling():
        try:
            raise ValueError("being handled")
        except ValueError:
            yield

    generator = handling()
    next(generator)
    kept.append(generator)


def clear_hooks():
    """Takes prepare's hook away, so it puts it back."""
    atexit._clear()
    atexit.register(os.write, 1, b"hook ran\n")


def raising_exit_hook():
    atexit.register(Dying.__del__, None)
    atexit.register(sys.exit, 3)


def context_left():
    variable = contextvars.ContextVar("left")
    kept.append(variable.set(1))
