"""Functions that never end, and share locks and queues, which a careless interruption would spoil."""

import concurrent.futures
import queue
import threading

jobs = queue.Queue()
condition = threading.Condition()


def answer():
    return 42


def starts_threads():
    while True:
        t = threading.Thread(target=answer)
        t.start()
        t.join()


def starts_executors():
    while True:
        with concurrent.futures.ThreadPoolExecutor(2) as executor:
            executor.submit(answer).result()


def puts_and_gets():
    while True:
        jobs.put(1)
        jobs.get()


def polls():
    while True:
        try:
            jobs.get(timeout=0.01)
        except queue.Empty:
            pass


def with_condition():
    while True:
        with condition:
            condition.wait(0.001)


def shared_is_free():
    jobs.put(1, timeout=10)
    if not condition.acquire(timeout=10):
        raise TimeoutError("the condition is taken")
    condition.release()
    with concurrent.futures.ThreadPoolExecutor(2) as executor:
        return executor.submit(answer).result(10)
