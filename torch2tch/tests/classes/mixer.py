"""Pictures in patches, mixed across places and across channels; constants of the class."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Mlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.act = nn.SiLU()
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))


class MixerBlock(nn.Module):
    EXPANSION = 2

    def __init__(self, places, width):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.mix_places = Mlp(places, places * self.EXPANSION)
        self.norm2 = nn.LayerNorm(width)
        self.mix_channels = Mlp(width, width * self.EXPANSION)
        self.scale = nn.Parameter(torch.full((width,), 0.5))

    def forward(self, x):
        y = self.norm1(x).transpose(1, 2)
        y = self.mix_places(y).transpose(1, 2)
        x = x + self.scale * y
        return x + self.mix_channels(self.norm2(x))


class Mixer(nn.Module):
    def __init__(self, size=8, patch=2, width=12, depth=2, classes=4):
        super().__init__()
        places = (size // patch) ** 2
        self.patches = nn.Conv2d(3, width, kernel_size=patch, stride=patch)
        for i in range(depth):
            self.add_module(f"block{i}", MixerBlock(places, width))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.constant_(self.head.bias, 0)

    def forward(self, x):
        x = self.patches(x)
        x = x.flatten(2).permute(0, 2, 1)
        x = self.block0(x)
        x = self.block1(x)
        x = self.norm(x)
        return self.head(x.mean(dim=1))


def draw_input(batch_size):
    return torch.randn(batch_size, 3, 8, 8)


def draw_target(batch_size):
    return torch.randint(4, (batch_size,))


loss = F.cross_entropy
