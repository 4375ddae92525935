"""DistributedDataParallel beside RPC: trainers are a process group of gloo, and look their features up on a worker.

The process group and RPC meet at the one port that the environment names.
"""

import os

import torch
import torch.distributed as dist
import torch.distributed.rpc as rpc
from torch import nn
from torch.nn.parallel import DistributedDataParallel

TRAINERS, STEPS = 2, 4


class Features:
    def __init__(self):
        torch.manual_seed(4)
        self.table = nn.EmbeddingBag(20, 6, mode="sum")

    def look_up(self, indices, offsets):
        return self.table(indices, offsets).detach()


def train(features, group_ranks):
    rank = dist.get_rank()
    torch.manual_seed(rank)  # DDP takes over what the first of the group has
    model = DistributedDataParallel(nn.Linear(6, 2), process_group=groups[tuple(group_ranks)])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    generator = torch.Generator().manual_seed(40 + rank)
    losses = []
    for _ in range(STEPS):
        indices = torch.randint(20, (10,), generator=generator)
        x = features.rpc_sync().look_up(indices, torch.tensor([0, 3, 5, 8]))
        loss = nn.functional.cross_entropy(model(x), torch.tensor([0, 1, 0, 1]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(round(loss.item(), 3))
    return losses, model.module.state_dict()


groups = {}


def main():
    rank, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    dist.init_process_group("gloo")
    trainers = tuple(range(TRAINERS))
    groups[trainers] = dist.new_group(trainers)
    name = f"trainer{rank}" if rank in trainers else "features"
    rpc.init_rpc(name, rank=rank, world_size=world_size)
    if name == "features":
        features = rpc.RRef(Features())
        futures = [rpc.rpc_async(f"trainer{i}", train, args=(features, trainers)) for i in trainers]
        results = torch.futures.wait_all(futures)
        for i, (losses, _) in enumerate(results):
            print(f"trainer{i}: losses {losses}")
        (_, first), (_, second) = results
        print("all have the same weights:", all(torch.equal(first[k], second[k]) for k in first))
        print("bias:", [round(v, 3) for v in first["bias"].tolist()])
    dist.barrier()
    rpc.shutdown()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
