"""A parameter server: a value on a worker of its own, that trainers pull from and the driver pushes to, by its RRef."""

import os

import torch
import torch.distributed.rpc as rpc
from torch import nn
from torch.distributed.rpc import remote, rpc_async

ROUNDS = 5


class ParameterServer:
    def __init__(self, features):
        torch.manual_seed(2)
        self.model = nn.Sequential(nn.Linear(features, 8), nn.Tanh(), nn.Linear(8, 1))
        self.pulled = 0

    def pull(self):
        self.pulled += 1
        return self.model.state_dict()

    def push(self, gradients, rate):
        with torch.no_grad():
            for p, gradient in zip(self.model.parameters(), gradients):
                p -= rate * gradient
        return sum(float(p.abs().sum()) for p in self.model.parameters())

    def counted(self):
        return self.pulled


def gradient(server, features, seed):
    model = nn.Sequential(nn.Linear(features, 8), nn.Tanh(), nn.Linear(8, 1))
    model.load_state_dict(server.rpc_sync().pull())
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(32, features, generator=generator)
    loss = nn.functional.mse_loss(model(x), x.sum(1, keepdim=True).sin())
    loss.backward()
    return loss.item(), [p.grad for p in model.parameters()]


def drive(trainers, features=3):
    server = remote("server", ParameterServer, args=(features,))
    print("the server is a value of", server.owner_name())
    for r in range(ROUNDS):
        futures = [rpc_async(t, gradient, args=(server, features, 100 * r + i)) for i, t in enumerate(trainers)]
        losses, gradients = zip(*(future.wait() for future in futures))
        mean = [torch.stack(parts).mean(0) for parts in zip(*gradients)]
        size = server.rpc_async().push(mean, rate=0.3).wait()
        print(f"round {r}: loss {sum(losses) / len(losses):.4f}, size of the parameters {size:.3f}")
    print("pulls:", server.remote().counted().to_here())


def main():
    rank, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    names = ["driver", "server"] + [f"trainer{i}" for i in range(2, world_size)]
    rpc.init_rpc(names[rank], rank=rank, world_size=world_size)
    if rank == 0:
        drive(names[2:])
    rpc.shutdown()


if __name__ == "__main__":
    main()
