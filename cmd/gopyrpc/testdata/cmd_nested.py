"""Calls within calls, as deep as the argument says, in turn at every worker."""

import os
import sys

import cmd_rpc
import gopyrpc as rpc

rank = int(os.environ["RANK"])
rpc.init_rpc(f"worker{rank}")
if rank == 0:
    print(cmd_rpc.down(int(sys.argv[1])))
rpc.shutdown()
