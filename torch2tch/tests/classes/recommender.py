"""What a user may like: bags of what was seen before, and a score and its certainty for one more."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Recommender(nn.Module):
    def __init__(self, users=30, items=40, factors=12):
        super().__init__()
        self.users = nn.Embedding(users, factors)
        self.items = nn.Embedding(items, factors)
        self.history = nn.EmbeddingBag(items, factors, mode="mean")
        self.bias = nn.Parameter(torch.zeros(items))
        self.towers = nn.ModuleDict({
            "score": nn.Sequential(nn.Linear(3 * factors, 16), nn.ReLU(), nn.Linear(16, 1)),
            "certainty": nn.Linear(3 * factors, 1),
        })
        nn.init.normal_(self.users.weight, std=0.1)
        nn.init.normal_(self.items.weight, std=0.1)

    def forward(self, user, item, seen):
        u, i, h = self.users(user), self.items(item), self.history(seen)
        joined = torch.cat([u, i, h], dim=-1)
        dot = (u * i).sum(-1) + self.bias[item]
        score = self.towers["score"](joined).squeeze(-1) + dot
        certainty = torch.sigmoid(self.towers["certainty"](joined)).squeeze(-1)
        return score, certainty


def draw_input(batch_size):
    return (
        torch.randint(30, (batch_size,)),
        torch.randint(40, (batch_size,)),
        torch.randint(40, (batch_size, 6)),
    )


def draw_target(batch_size):
    return 5 * torch.rand(batch_size)


def loss(output, target):
    score, certainty = output
    return torch.mean(certainty * (score - target) ** 2) - 0.1 * torch.log(certainty).mean()
