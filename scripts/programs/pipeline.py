"""A pipeline: stages of a network on workers of their own, and micro-batches that go from stage to stage as RRefs."""

import os
import threading

import torch
import torch.distributed.rpc as rpc
from torch import nn


class Stage(nn.Module):
    def __init__(self, seed, sizes):
        super().__init__()
        torch.manual_seed(seed)
        self.lock = threading.Lock()
        self.layers = nn.Sequential(*(m for a, b in zip(sizes, sizes[1:]) for m in (nn.Linear(a, b), nn.Tanh())))

    def forward(self, x_rref):
        x = x_rref.to_here()
        with self.lock:
            return self.layers(x)

    def parameter_rrefs(self):
        return [rpc.RRef(p) for p in self.parameters()]


class Pipeline(nn.Module):
    def __init__(self, micro_batch, stages):
        super().__init__()
        self.micro_batch = micro_batch
        self.stages = [rpc.remote(worker, Stage, args=args) for worker, *args in stages]

    def forward(self, batch):
        futures = []
        for x in batch.split(self.micro_batch):
            rref = rpc.RRef(x)
            for stage in self.stages[:-1]:
                rref = stage.remote().forward(rref)
            futures.append(self.stages[-1].rpc_async().forward(rref))
        return torch.cat(torch.futures.wait_all(futures))

    def parameter_rrefs(self):
        return [rref for stage in self.stages for rref in stage.remote().parameter_rrefs().to_here()]


def size(rref):
    return rref.local_value().numel()


def main():
    rank, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    options = rpc.TensorPipeRpcBackendOptions(num_worker_threads=32, rpc_timeout=60)
    rpc.init_rpc(f"worker{rank}", rank=rank, world_size=world_size, rpc_backend_options=options)
    if rank == 0:
        model = Pipeline(4, [("worker1", 5, (6, 16, 8)), ("worker2", 6, (8, 12, 3))])
        rrefs = model.parameter_rrefs()
        print("parameters:", [(r.owner_name(), rpc.rpc_sync(r.owner(), size, args=(r,))) for r in rrefs])
        generator = torch.Generator().manual_seed(7)
        for i in range(3):
            y = model(torch.randn(18, 6, generator=generator))
            print(f"batch {i}:", tuple(y.shape), [round(v, 3) for v in y.sum(0).tolist()])
        print("norm:", round(sum(r.to_here().norm().item() for r in rrefs), 3))
    rpc.shutdown()


if __name__ == "__main__":
    main()
