"""Features at several scales: several tensors in a list come out."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Pyramid(nn.Module):
    def __init__(self, widths=(4, 8, 12), channels=6):
        super().__init__()
        self.stages = nn.ModuleList()
        self.lateral = nn.ModuleList()
        previous = 3
        for width in widths:
            self.stages.append(nn.Sequential(
                nn.Conv2d(previous, width, 3, stride=2, padding=1),
                nn.GroupNorm(2, width),
                nn.ELU(alpha=0.7),
            ))
            previous = width
        for width in widths:
            self.lateral.append(nn.Conv2d(width, channels, 1))

    def forward(self, x):
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        outputs = []
        for feature, lateral in zip(features, self.lateral):
            outputs.append(F.interpolate(lateral(feature), size=(4, 4), mode="nearest"))
        return outputs


def draw_input(batch_size):
    return torch.randn(batch_size, 3, 16, 16)
