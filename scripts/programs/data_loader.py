"""DataLoader workers: processes that a worker forks and spawns while it is in a group, and which have no part in RPC."""

import os

import torch
import torch.distributed.rpc as rpc
from torch.utils.data import DataLoader, Dataset


class Squares(Dataset):
    def __len__(self):
        return 24

    def __getitem__(self, i):
        return torch.tensor([i, i * i], dtype=torch.float64)


class Keeper:
    def __init__(self):
        self.batches, self.sums = 0, torch.zeros(2, dtype=torch.float64)

    def keep(self, batch):
        self.sums += batch.sum(0)
        self.batches += 1
        return self.batches

    def result(self):
        return self.batches, self.sums.tolist()


def main():
    rank, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    rpc.init_rpc(f"worker{rank}", rank=rank, world_size=world_size)
    if rank == 0:
        keeper = rpc.remote("worker1", Keeper)
        for how, workers in ((None, 0), ("fork", 2), ("spawn", 1)):
            loader = DataLoader(Squares(), batch_size=5, num_workers=workers, multiprocessing_context=how)
            kept = [keeper.rpc_sync().keep(batch) for batch in loader]
            print(how, workers, "kept:", kept, "in all:", keeper.rpc_sync().result())
    rpc.shutdown()


if __name__ == "__main__":
    main()
