"""Federated averaging: clients train on what they alone have, and the coordinator averages what they have learned."""

import os

import torch
import torch.distributed.rpc as rpc
from torch import nn

ROUNDS = 4


class Client:
    """Has points of its own, of the two classes in another mixture than the other clients have."""

    def __init__(self, seed, size):
        generator = torch.Generator().manual_seed(seed)
        self.labels = (torch.rand(size, generator=generator) < 0.2 + 0.2 * seed).long()
        centres = torch.tensor([[-1.0, 0.5], [1.0, -0.5]])
        self.points = centres[self.labels] + torch.randn(size, 2, generator=generator)

    def train(self, weights, epochs):
        model = nn.Linear(2, 2)
        model.load_state_dict(weights)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
        for _ in range(epochs):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(self.points), self.labels).backward()
            optimizer.step()
        return model.state_dict(), len(self.labels)

    def evaluate(self, weights):
        model = nn.Linear(2, 2)
        model.load_state_dict(weights)
        return int((model(self.points).argmax(1) == self.labels).sum()), len(self.labels)


def average(future):
    """Return the mean of what clients have learned; a client counts as much as it has points."""
    learned = [f.value() for f in future.value()]
    total = sum(size for _, size in learned)
    return {name: sum(weights[name] * size / total for weights, size in learned) for name in learned[0][0]}


def main():
    rank, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if rank > 0:
        rpc.init_rpc(f"client{rank}", rank=rank, world_size=world_size)
        rpc.shutdown()
        return
    rpc.init_rpc("coordinator", rank=rank, world_size=world_size)
    clients = [rpc.remote(f"client{i}", Client, args=(i, 40 * i)) for i in range(1, world_size)]
    torch.manual_seed(5)
    weights = nn.Linear(2, 2).state_dict()
    for r in range(ROUNDS):
        trained = torch.futures.collect_all([client.rpc_async().train(weights, epochs=r + 1) for client in clients])
        weights = trained.then(average).wait()
        right = [future.wait() for future in [client.rpc_async().evaluate(weights) for client in clients]]
        print(f"round {r}:", ", ".join(f"{n} of {of}" for n, of in right), "are right")
    print("weights:", [[round(v, 3) for v in row] for row in weights["weight"].tolist()])
    rpc.shutdown()


if __name__ == "__main__":
    main()
