"""RRefs that go round among workers at random."""

import gc
import random
import threading

import gopyrpc as rpc

kept = {}  # by worker; each keeps RRefs together with what their value is
lock = threading.Lock()


def mine():
    return kept.setdefault(rpc.get_worker_info().name, [])


def keep(rref, value):
    with lock:
        mine().append((rref, value))


def pass_on(rref, value, hops):
    keep(rref, value)
    if hops:
        rpc.rpc_sync(random.randrange(4), pass_on, args=(rref, value, hops - 1), timeout=0)
    return rref


def make(value):
    return [value]


def share(seed, rounds):
    rng = random.Random(seed)
    for i in range(rounds):
        value = (seed, i)
        if rng.random() < 0.5:
            rref = rpc.remote(rng.randrange(4), make, args=(value,))
        else:
            rref = rpc.RRef([value])
        back = rpc.rpc_sync(rng.randrange(4), pass_on, args=(rref, value, rng.randrange(4)), timeout=0)
        assert back.to_here(timeout=0) == [value]
        with lock:
            some = rng.sample(mine(), min(2, len(mine())))
        for other, expected in some:
            assert other.to_here(timeout=0) == [expected]
        with lock:
            while len(mine()) > 10:
                mine().pop(rng.randrange(len(mine())))


def drop_all():
    with lock:
        mine().clear()
    gc.collect()
