"""A price: no activation after the last layer."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class HousePricePredictor(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(10, 64)
        self.fc2 = nn.Linear(64, 1)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        return self.fc2(x)


def draw_input(batch_size):
    return torch.randn(batch_size, 10)


def draw_target(batch_size):
    return torch.randn(batch_size, 1)


loss = F.mse_loss


def readings(output):
    return {}


def report(output):
    print("Predicted house price:", output)
