"""One sequence to another: the state of an LSTM that reads goes to the one that writes."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Reader(nn.Module):
    def __init__(self, features, width):
        super().__init__()
        self.lstm = nn.LSTM(features, width, num_layers=2, batch_first=True)

    def forward(self, x):
        _, (h, c) = self.lstm(x)
        return h, c


class Writer(nn.Module):
    def __init__(self, features, width):
        super().__init__()
        self.lstm = nn.LSTM(features, width, num_layers=2, batch_first=True)
        self.out = nn.Linear(width, features)

    def forward(self, x, state):
        out, state = self.lstm(x, state)
        return self.out(out), state


class SequenceToSequence(nn.Module):
    def __init__(self, features=3, width=8, steps=4):
        super().__init__()
        self.reader = Reader(features, width)
        self.writer = Writer(features, width)
        self.steps = steps

    def forward(self, x):
        h, c = self.reader(x)
        last = x[:, -1:, :]
        outputs = []
        for _ in range(self.steps):
            last, (h, c) = self.writer(last, (h, c))
            outputs.append(last)
        return torch.cat(outputs, 1)


def draw_input(batch_size):
    return torch.randn(batch_size, 5, 3)


def draw_target(batch_size):
    return torch.randn(batch_size, 4, 3)


loss = F.mse_loss
