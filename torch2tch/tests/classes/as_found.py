"""What classes of others do, and is ported as recorded."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint


class Masked(nn.Module):
    """NumPy's functions over free sizes, an array as a result, `len` and `int` of a size."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 6)
        self.scale = nn.Parameter(torch.empty(6))

    def forward(self, x):
        length = int(x.shape[1])
        mask = torch.from_numpy(np.triu(np.ones([len(x), length, length]), k=1)).bool()
        scores = (self.fc(x) @ x.transpose(1, 2)) / np.sqrt(6)
        weights = scores.masked_fill(mask, -1e9).softmax(-1)
        return weights @ x + self.scale, weights.detach().numpy()


class InTurns(nn.Module):
    """Two lists filled in turns, and a layer set anew before the next is drawn."""

    def __init__(self):
        super().__init__()
        self.layers, self.gates = nn.ModuleList(), nn.ModuleList()
        for _ in range(3):
            layer = nn.Linear(8, 8)
            nn.init.xavier_uniform_(layer.weight)
            self.layers.append(layer)
            self.gates.append(nn.Linear(8, 8))

    def forward(self, x):
        for layer, gate in zip(self.layers, self.gates):
            x = layer.forward(x) * torch.sigmoid(gate(x))
        return x


class Block(nn.Module):
    def __init__(self, channels, stride):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride, 1)
        self.norm = nn.BatchNorm2d(channels)
        if stride > 1:
            self.norm2 = nn.BatchNorm2d(channels)
            self.down = nn.Sequential(nn.Conv2d(channels, channels, 1, stride), self.norm2)
        else:
            self.down = nn.Identity()

    def forward(self, x):
        kept = checkpoint(self.conv, x, use_reentrant=False)
        return self.down(x) + F.relu(self.norm(kept))


class Pooled(nn.Module):
    """A norm that runs in its container alone, which some blocks lack; upsampling to a size."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Block(4, 1), Block(4, 2)])

    def forward(self, x):
        size = x.shape[2:]
        for block in self.blocks:
            x = block(x)
        return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


@dataclass
class Answer:
    value: torch.Tensor
    hidden: object = None


class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 5)

    def forward(self, x, other):
        return self.fc(x) * other(x)


class Several(nn.Module):
    """Inputs in a list, a module handed to another, results by name with a `None` among them."""

    def __init__(self):
        super().__init__()
        self.other = nn.Sequential(nn.Linear(5, 5), nn.Tanh())
        self.gate = Gate()

    def forward(self, parts):
        x = self.gate(torch.cat(parts), self.other)
        return {"none": None, "gated": x, "answer": Answer(nn.Linear(5, 2)(x))}
