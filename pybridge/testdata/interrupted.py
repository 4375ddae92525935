"""Functions that never end, and are interrupted wherever they are: each uses what others depend on."""

import _thread
import asyncio
import concurrent.futures
import contextlib
import io
import logging
import queue
import sys
import threading

PATIENCE = 30  # seconds for a lock that somebody may have at the moment

hit = []  # where else an interruption was raised


def note(exc_type, where):
    if exc_type.__name__ == "Interrupted":
        hit.append("raised in %r" % (where,))


threading.excepthook = lambda args: note(args.exc_type, args.thread)
sys.unraisablehook = lambda unraisable: note(unraisable.exc_type, unraisable.object)

lock, own_lock, managed, generated = (threading.Lock() for _ in range(4))
rlock, condition, event = threading.RLock(), threading.Condition(), threading.Event()
semaphore, bounded = threading.Semaphore(2), threading.BoundedSemaphore(2)
jobs, empty, simple = queue.Queue(), queue.Queue(), queue.SimpleQueue()
pool = concurrent.futures.ThreadPoolExecutor(2, "shared")
log = logging.Logger("interrupted")
log.addHandler(logging.StreamHandler(io.StringIO()))
logging.getLogger("asyncio").disabled = True
counted = 0


def nothing():
    pass


class Own:
    """A context manager that takes its time."""

    def __enter__(self):
        own_lock.acquire()
        for _ in range(3):
            nothing()

    def __exit__(self, *exc):
        for _ in range(3):
            nothing()
        own_lock.release()


@contextlib.contextmanager
def holds():
    managed.acquire()
    try:
        nothing()
        yield
    finally:
        nothing()
        managed.release()


@contextlib.contextmanager
def nests():
    with generated:
        yield


def starts():
    t = threading.Thread(target=nothing)
    t.start()
    t.join()


def starts_without_threading():
    done = _thread.allocate_lock()
    done.acquire()
    _thread.start_new_thread(done.release, ())
    done.acquire()


def executes():
    with concurrent.futures.ThreadPoolExecutor(2) as executor:
        executor.submit(nothing).result()


def executes_in_a_shared_pool():
    for f in concurrent.futures.as_completed([pool.submit(nothing), pool.submit(nothing)]):
        f.result()


async def sleeps():
    for _ in range(10):
        await asyncio.sleep(0)
    await asyncio.to_thread(nothing)


def runs_a_loop():
    asyncio.run(sleeps())


def puts_and_gets():
    for n in range(100):
        jobs.put(n)
        jobs.get()


def waits_for_a_job():
    try:
        empty.get(timeout=0.001)
    except queue.Empty:
        pass


def waits_for_a_simple_job():
    with condition:
        try:
            simple.get(timeout=0.0001)
        except queue.Empty:
            pass


def counts():
    global counted
    with lock:
        counted += 1
    with rlock, lock:
        counted += 1


def notifies():
    with condition:
        condition.notify()
    with condition:
        condition.wait(0.0001)
    with condition:
        for _ in range(20):
            counts


def raises_inside():
    try:
        with condition, semaphore, Own():
            raise KeyError
    except KeyError:
        pass


def is_one_of_two():
    with semaphore:
        nothing()
    with bounded:
        counts


def sets():
    event.set()
    event.wait(0.0001)
    event.clear()


def logs():
    for n in range(20):
        log.error("%d", n)


def imports():
    for name in "colorsys", "xml.dom", "xml":
        sys.modules.pop(name, None)
    try:
        import colorsys, xml.dom  # noqa: E401, F401
        import this_is_nowhere  # noqa: F401
    except (ImportError, AttributeError, KeyError):  # or another call has taken away what this one has just imported
        pass


def manages():
    with Own():
        nothing()
    with holds(), nests():
        nothing()
    with contextlib.ExitStack() as stack:
        stack.enter_context(Own())
        stack.enter_context(nests())


def returns_from_inside():
    def f():
        with condition:
            return nothing()

    f()


everything = [
    starts, starts_without_threading, executes, executes_in_a_shared_pool, runs_a_loop, puts_and_gets, waits_for_a_job,
    waits_for_a_simple_job, counts, notifies, raises_inside, is_one_of_two, sets, logs, imports, manages,
    returns_from_inside,
]  # fmt: skip


def run(data):
    """Goes on for ever: data is the number of one of the functions."""
    function = everything[data[0] % len(everything)]
    while True:
        function()


def can_be_taken(name, lock, times=1):
    if not all([lock.acquire(timeout=PATIENCE) for _ in range(times)]):
        return [name + " is taken for good"]
    for _ in range(times):
        lock.release()
    return []


def left_behind(data):
    """What is not as it was before the first call; waits for those that are about to end."""
    left = list(hit)
    locks = {"Lock": lock, "RLock": rlock, "own": own_lock, "contextmanager": managed, "contextmanager with": generated}
    locks.update({"Condition": condition, "Queue": jobs.mutex, "an empty Queue": empty.mutex, "Event": event._cond})
    locks.update({"a log handler": log.handlers[0].lock, "logging": logging._lock, "the pool": pool._shutdown_lock})
    locks["executors"] = concurrent.futures.thread._global_shutdown_lock
    for name, one in locks.items():
        left += can_be_taken(name, one)
    left += can_be_taken("Semaphore", semaphore, 2) + can_be_taken("BoundedSemaphore", bounded, 2)
    try:
        pool.submit(nothing).result(PATIENCE)
    except concurrent.futures.TimeoutError:
        left.append("the pool does nothing")
    threading.Thread(target=imports, daemon=True, name="imports").start()
    for t in threading.enumerate():
        if type(t) is threading.Thread and not t.name.startswith("shared") and t is not threading.main_thread():
            t.join(PATIENCE)
            if t.is_alive():
                left.append("%r has not ended" % t)
    return "\n".join(left).encode()
