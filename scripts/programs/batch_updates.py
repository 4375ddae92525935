"""Batch updates: the server replies to no trainer before the gradients of all are there, and makes one step with them.

The server's method is under async_execution: no thread of the server waits meanwhile.
"""

import os
import threading

import torch
import torch.distributed.rpc as rpc
from torch import nn

ROUNDS = 6


class BatchServer:
    def __init__(self, trainers):
        torch.manual_seed(1)
        self.model = nn.Linear(4, 1)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.05, momentum=0.5)
        self.trainers = trainers
        self.lock = threading.Lock()
        self.arrived = 0
        self.stepped = torch.futures.Future()
        for p in self.model.parameters():
            p.grad = torch.zeros_like(p)

    def current(self):
        return self.model

    @staticmethod
    @rpc.functions.async_execution
    def update(server, gradients):
        self = server.local_value()
        with self.lock:
            for p, gradient in zip(self.model.parameters(), gradients):
                p.grad += gradient / self.trainers
            self.arrived += 1
            stepped = self.stepped
            if self.arrived == self.trainers:
                self.arrived, self.stepped = 0, torch.futures.Future()
                self.optimizer.step()
                self.optimizer.zero_grad(set_to_none=False)
                stepped.set_result(self.model)
        return stepped


def train(server, rank):
    generator = torch.Generator().manual_seed(rank)
    truth = torch.tensor([[1.0], [-2.0], [3.0], [0.5]])
    model = server.rpc_sync().current()
    losses = []
    for _ in range(ROUNDS):
        x = torch.randn(16, 4, generator=generator)
        loss = nn.functional.mse_loss(model(x), x @ truth)
        loss.backward()
        losses.append(loss.item())
        gradients = [p.grad for p in model.parameters()]
        model = rpc.rpc_sync(server.owner(), BatchServer.update, args=(server, gradients))
    return losses


def main():
    rank, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if rank > 0:
        rpc.init_rpc(f"trainer{rank}", rank=rank, world_size=world_size)
    else:
        rpc.init_rpc("server", rank=rank, world_size=world_size)
        server = rpc.RRef(BatchServer(world_size - 1))
        futures = [rpc.rpc_async(f"trainer{i}", train, args=(server, i)) for i in range(1, world_size)]
        for i, losses in enumerate(torch.futures.wait_all(futures), 1):
            print(f"trainer{i}:", " ".join(f"{loss:.3f}" for loss in losses))
        print("weights:", [round(w, 3) for w in server.local_value().model.weight[0].tolist()])
    rpc.shutdown()


if __name__ == "__main__":
    main()
