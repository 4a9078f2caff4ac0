"""A wave, step by step: two LSTM cells in a loop, and what they foresee fed back to them."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class LstmCells(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.width = width
        self.lstm1 = nn.LSTMCell(1, width)
        self.lstm2 = nn.LSTMCell(width, width)
        self.linear = nn.Linear(width, 1)

    def forward(self, input):
        outputs = []
        n = input.size(0)
        h1 = torch.zeros(n, self.width)
        c1 = torch.zeros(n, self.width)
        h2 = torch.zeros(n, self.width)
        c2 = torch.zeros(n, self.width)
        output = torch.zeros(n, 1)
        for step in input.split(1, dim=1):
            h1, c1 = self.lstm1(step, (h1, c1))
            h2, c2 = self.lstm2(h1, (h2, c2))
            output = self.linear(h2)
            outputs += [output]
        for _ in range(3):
            h1, c1 = self.lstm1(output, (h1, c1))
            h2, c2 = self.lstm2(h1, (h2, c2))
            output = self.linear(h2)
            outputs.append(output)
        return torch.cat(outputs, dim=1)


def draw_input(batch_size):
    return torch.randn(batch_size, 6)


def draw_target(batch_size):
    return torch.randn(batch_size, 9)


loss = F.mse_loss
