"""Calls within calls."""

import threading
import time

import gopyrpc as rpc

begun = threading.Semaphore(0)


def down(depth):
    if depth == 0:
        return 0
    me = rpc.get_worker_info().id
    return 1 + rpc.rpc_sync(1 - me, down, args=(depth - 1,), timeout=0)


def check_depth(depth):
    assert down(depth) == depth


def spin():
    begun.release()
    while True:
        time.sleep(0.001)


def waits_for_call():
    rpc.rpc_sync("w1", spin, timeout=0)


def waits_for_future():
    future = rpc.Future()
    begun.release()
    future.wait()


kept = []
go_on = threading.Event()


def make_value():
    while not go_on.wait(0.001):
        pass
    return "value"


def waits_for_rref():
    kept.append(rpc.remote("w1", make_value))
    begun.release()
    kept[0].to_here(timeout=0)


def check_value_comes():
    go_on.set()
    assert kept.pop().to_here(timeout=0) == "value"


def waits_for_nothing():
    spin()


def waits_for_many(rounds):
    """Waits for the last of calls first, and so brings the others' outcomes as well."""
    for _ in range(rounds):
        futures = [rpc.rpc_async("w1", abs, args=(-n,)) for n in range(8)]
        for n in reversed(range(8)):
            assert futures[n].wait() == n
    return rounds
