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
            self.lateral.append(nn.Conv2d(width, channels, 1))
            previous = width

    def forward(self, x):
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        top = self.lateral[-1](features[-1])
        outputs = [top]
        for i in range(len(features) - 2, -1, -1):
            top = F.interpolate(top, scale_factor=2.0, mode="nearest")
            top = top + self.lateral[i](features[i])
            outputs.append(top)
        return outputs


def draw_input(batch_size):
    return torch.randn(batch_size, 3, 16, 16)
