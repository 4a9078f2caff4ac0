"""Ten digits, read row by row from top to bottom: an LSTM, and batch norm with its buffers."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from torch2tch.reference import data

# The output is the same, logarithms of probabilities of ten digits.
from torch2tch.reference.convolutional_classifier import (  # noqa: F401
    draw_target,
    loss,
    metrics,
    readings,
    report,
)


class RecurrentClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(28, 64, batch_first=True)
        self.norm = nn.BatchNorm1d(64)
        self.dropout1 = nn.Dropout(0.25)
        self.dropout2 = nn.Dropout(0.5)
        self.fc1 = nn.Linear(64, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x, _ = self.lstm(x)
        x = x[:, -1]
        x = self.norm(x)
        x = self.dropout1(x)
        x = F.relu(self.fc1(x))
        x = self.dropout2(x)
        return F.log_softmax(self.fc2(x), dim=1)


def draw_input(batch_size: int) -> torch.Tensor:
    return torch.randn(batch_size, 28, 28)


def read_data(path: data.Folder) -> data.Sets:
    return data.mnist(path, shape=(28, 28), normalize=(0.1307, 0.3081))
