"""Functions that wait for futures of torch's own."""

import os

import torch

futures = [torch.futures.Future() for _ in range(6)]


def waits(n, bell):
    os.write(bell, b"x")
    mine = futures[n]
    return [mine.wait, mine.then(lambda f: f.value()).wait, lambda: torch.futures.wait_all([mine])[0]][n % 3]()


def waits_for_ever(bell):
    os.write(bell, b"x")
    torch.futures.Future().wait()


def sets():
    for future in futures:
        future.set_result("value")
