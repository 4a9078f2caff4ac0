"""Modules that share layers and weights, are called several times, or are set from outside."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.parametrizations import weight_norm

ACTIVATION = nn.LeakyReLU(0.2)


class Block(nn.Module):
    """A layer with the activation that all blocks have, and one that is replaced as it is made."""

    def __init__(self, width, emb=None):
        super().__init__()
        self.proj = nn.Linear(width, width)
        self.proj = nn.Linear(width, width, bias=False)
        self.norm = nn.BatchNorm1d(width)
        self.act = ACTIVATION

    def forward(self, x):
        return self.act(self.norm(self.proj(x)))


class SharedLayers(nn.Module):
    """Blocks that are called twice, the second time without gradients."""

    def __init__(self, width=8):
        super().__init__()
        self.first, self.second = Block(width), Block(width)
        relu = nn.ReLU()
        self.head = nn.Sequential(nn.Linear(width, width), relu, nn.Linear(width, width), relu)

    def forward(self, x):
        y = self.second(self.first(x))
        with torch.no_grad():
            target = self.first(y) + 1
        return self.head(y) * target


class Side(nn.Module):
    def __init__(self, words, width):
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.cell = nn.LSTMCell(width, width)

    def forward(self, x):
        h = torch.zeros(x.size(0), self.cell.hidden_size)
        c = torch.zeros_like(h)
        for step in self.words(x).unbind(1):
            h, c = self.cell(step, (h, c))
        return h


class TiedSides(nn.Module):
    """Two embeddings with one weight, which the output has as well, beside a bias of its own."""

    def __init__(self, words=10, width=8):
        super().__init__()
        self.source, self.target = Side(words, width), Side(words, width)
        self.out = nn.Linear(width, words)
        self.target.words.weight = self.source.words.weight
        self.out.weight = self.source.words.weight

    def forward(self, x):
        return self.out(self.source(x) - self.target(x))


class WeightNorms(nn.Module):
    """Parameters that a function sets in a layer that is there."""

    def __init__(self, width=8):
        super().__init__()
        self.layers = nn.ModuleList([weight_norm(nn.Linear(width, width)) for _ in range(2)])
        self.old = nn.utils.weight_norm(nn.Conv1d(1, 2, 3))
        self.old.bias.data.normal_(0, 0.1)

    def forward(self, x):
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
        x = self.old(x.unsqueeze(1))
        x.data.clamp_(min=-1)
        return x
