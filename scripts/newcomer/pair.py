"""Two workers, each a plain python3. Whoever starts them says in the environment who they are: RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT."""

import operator

import gopyrpc as rpc


def main() -> None:
    rpc.init_rpc()
    me = rpc.get_worker_info()
    print(rpc.rpc_sync(f"worker{1 - me.id}", operator.add, args=(me.id, 10)), flush=True)
    rpc.shutdown()


if __name__ == "__main__":
    main()
