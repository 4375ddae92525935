"""A parameter server and what trains with it, in the names of torch.distributed.rpc."""

import threading

import gopyrpc as rpc


class Server:
    """The line y = slope * x + offset, which trainers improve."""

    def __init__(self, rate):
        self.rate, self.lock = rate, threading.Lock()
        self.slope = self.offset = 0.0

    def line(self):
        with self.lock:
            return self.slope, self.offset

    def improve(self, by_slope, by_offset):
        with self.lock:
            self.slope -= self.rate * by_slope
            self.offset -= self.rate * by_offset


_server = Server(rate=0.1)


def server():
    """Return this worker's server: the same to every trainer that asks."""
    return _server


def train(at, steps, points):
    """Fit the line of the worker *at* to points that only this worker has, and return it."""
    parameters = rpc.remote(at, server)  # an RRef: the server stays where it is
    for _ in range(steps):
        slope, offset = parameters.rpc_sync().line()
        errors = [(slope * x + offset - y, x) for x, y in points]
        by_slope = sum(error * x for error, x in errors) / len(errors)
        by_offset = sum(error for error, _ in errors) / len(errors)
        parameters.rpc_sync().improve(by_slope, by_offset)
    return parameters.rpc_sync().line()
