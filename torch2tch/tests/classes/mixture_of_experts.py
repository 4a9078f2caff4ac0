"""A mixture of experts: a gate weighs the answers of a list of modules."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Expert(nn.Module):
    def __init__(self, features, hidden):
        super().__init__()
        self.up = nn.Linear(features, hidden)
        self.down = nn.Linear(hidden, features)

    def forward(self, x):
        return self.down(F.gelu(self.up(x)))


class MixtureOfExperts(nn.Module):
    def __init__(self, features=24, hidden=32, experts=4, top=2):
        super().__init__()
        self.top = top
        self.gate = nn.Linear(features, experts, bias=False)
        self.experts = nn.ModuleList([Expert(features, hidden) for _ in range(experts)])
        self.norm = nn.LayerNorm(features)

    def forward(self, x):
        scores = self.gate(x)
        values, _ = torch.topk(scores, self.top, dim=-1)
        smallest = values[:, -1:]
        scores = scores.masked_fill(scores < smallest, float("-inf"))
        weights = F.softmax(scores, dim=-1)
        answers = torch.stack([expert(x) for expert in self.experts], dim=1)
        mixed = (weights.unsqueeze(-1) * answers).sum(dim=1)
        return self.norm(x + mixed)
