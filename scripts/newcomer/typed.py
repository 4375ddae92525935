"""A program with types, as mypy --strict wants it. It runs, too: one worker, which calls itself."""

import asyncio
import sys
from typing import List

from typing_extensions import assert_type

import gopyrpc as rpc
from gopyrpc.constants import DEFAULT_RPC_TIMEOUT_SEC
from gopyrpc.functions import async_execution


def add(a: int, b: int) -> int:
    return a + b


async def later(a: int) -> str:
    await asyncio.sleep(0)
    return str(a)


@async_execution
def through(to: str, a: int) -> rpc.Future[int]:
    return rpc.rpc_async(to, add, (a, 1)).then(lambda future: future.wait() + 1)


class Counter:
    def __init__(self, start: int) -> None:
        self.count = start

    def up(self) -> int:
        self.count += 1
        return self.count


def main() -> None:
    options = rpc.RpcBackendOptions(init_method="tcp://127.0.0.1:0", rpc_timeout=DEFAULT_RPC_TIMEOUT_SEC)
    rpc.init_rpc("alone", rank=0, world_size=1, rpc_backend_options=options)
    me = rpc.get_worker_info()
    assert_type(me, rpc.WorkerInfo)

    assert_type(rpc.rpc_sync("alone", add, args=(1, 2)), int)
    assert_type(rpc.rpc_sync(me, later, args=(1,)), str)
    assert_type(rpc.rpc_sync(0, through, args=("alone", 1)), int)
    assert_type(rpc.rpc_async("alone", later, args=(1,)), rpc.Future[str])
    assert_type(rpc.wait_all([rpc.rpc_async("alone", add, args=(1, 2))]), List[int])

    counter = rpc.remote("alone", Counter, args=(1,))
    assert_type(counter, rpc.RRef[Counter])
    assert_type(counter.local_value(), Counter)
    count: int = counter.rpc_sync().up()

    try:
        rpc.rpc_sync("alone", lambda: 1, timeout=3)
    except rpc.SerializeError as exc:
        print(f"{count}: {exc}")
    except rpc.RpcTimeoutError as exc:
        sys.exit(f"{exc.worker}: {exc.code}")
    rpc.shutdown()


if __name__ == "__main__":
    main()
