"""A member that is a plain python3: plain.py RANK SIZE MEETING. It knows nothing of gopyrpc."""

import sys

import torch.distributed.rpc as rpc

import member

rank, size, meeting = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
member.join(f"plain{rank}", rank, size, meeting)
print(f"plain{rank} hears from Go: tea costs", rpc.rpc_sync("go", member.price, args=("tea",)), flush=True)
member.leave()
