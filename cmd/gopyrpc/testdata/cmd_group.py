"""A group of two that asks each other. gopyrpc run, with the environment that torchrun sets."""

import os

import cmd_rpc
import gopyrpc as rpc

rank = int(os.environ["RANK"])
rpc.init_rpc(f"worker{rank}")
other = f"worker{1 - rank}"
print(f"worker{rank} asked {other}: {rpc.rpc_sync(other, cmd_rpc.whoami)}")
rpc.shutdown()
