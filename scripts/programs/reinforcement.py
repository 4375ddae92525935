"""Reinforcement learning: observers play, each on a worker of its own, and ask the agent by its RRef what to do next."""

import os

import torch
import torch.distributed.rpc as rpc
from torch import nn
from torch.distributions import Categorical

EPISODES, STEPS = 6, 12


def call_method(method, rref, *args):
    return method(rref.local_value(), *args)


def remote_method(method, rref, *args):
    return rpc.rpc_sync(rref.owner(), call_method, args=[method, rref, *args])


class Corridor:
    """Seven cells; the player begins in the middle, and is paid at the right end."""

    def reset(self):
        self.cell = 3
        return self.cell

    def step(self, action):
        self.cell = min(6, max(0, self.cell + (1 if action else -1)))
        return self.cell, 1.0 if self.cell == 6 else 0.0


class Observer:
    def __init__(self):
        self.name = rpc.get_worker_info().name
        self.corridor = Corridor()

    def play(self, agent):
        cell = self.corridor.reset()
        for _ in range(STEPS):
            action = remote_method(Agent.select, agent, self.name, cell)
            cell, reward = self.corridor.step(action)
            remote_method(Agent.reward, agent, self.name, reward)


class Agent:
    def __init__(self, observers):
        torch.manual_seed(3)
        self.me = rpc.RRef(self)
        self.observers = {name: rpc.remote(name, Observer) for name in observers}
        self.policy = nn.Embedding(7, 2)
        self.optimizer = torch.optim.Adam(self.policy.parameters(), lr=0.2)
        self.generators = {name: torch.Generator().manual_seed(i) for i, name in enumerate(observers)}
        self.forget()

    def forget(self):
        self.logs = {name: [] for name in self.observers}
        self.rewards = {name: [] for name in self.observers}

    def select(self, name, cell):
        choice = Categorical(logits=self.policy(torch.tensor(cell)))
        action = torch.multinomial(choice.probs.detach(), 1, generator=self.generators[name])[0]
        self.logs[name].append(choice.log_prob(action))
        return action.item()

    def reward(self, name, reward):
        self.rewards[name].append(reward)

    def episode(self):
        self.forget()
        torch.futures.wait_all([observer.rpc_async().play(self.me) for observer in self.observers.values()])
        loss = 0
        for name in self.observers:
            rewards = torch.tensor(self.rewards[name])
            to_come = rewards.flip(0).cumsum(0).flip(0) - 1
            loss = loss - (torch.stack(self.logs[name]) * to_come).sum() / STEPS
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {name: int(sum(rewards)) for name, rewards in self.rewards.items()}


def main():
    rank, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    rpc.init_rpc("agent" if rank == 0 else f"observer{rank}", rank=rank, world_size=world_size)
    if rank == 0:
        agent = Agent([f"observer{i}" for i in range(1, world_size)])
        for i in range(EPISODES):
            print(f"episode {i}:", agent.episode())
        print("to the right:", torch.softmax(agent.policy.weight, 1)[:, 1].mul(100).round().int().tolist(), "%")
    rpc.shutdown()


if __name__ == "__main__":
    main()
