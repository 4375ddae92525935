"""Tests as a user writes them, for pytest: each has an agent of its own, in the process of pytest."""

from typing import Iterator

import pytest

import gopyrpc as rpc


@pytest.fixture
def worker() -> Iterator[str]:
    options = rpc.RpcBackendOptions(init_method="tcp://127.0.0.1:0")
    rpc.init_rpc("alone", rank=0, world_size=1, rpc_backend_options=options)
    yield "alone"
    rpc.shutdown()


def double(x: int) -> int:
    return 2 * x


def test_a_call(worker: str) -> None:
    assert rpc.rpc_sync(worker, double, args=(4,)) == 8


def test_a_reference(worker: str) -> None:
    assert rpc.remote(worker, double, args=(5,)).to_here() == 10


def test_what_a_function_raises(worker: str) -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        rpc.rpc_sync(worker, double)
