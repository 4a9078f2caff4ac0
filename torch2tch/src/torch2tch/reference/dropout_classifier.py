"""Ten digits with dropout before each layer: what draws random numbers while it trains."""

import torch.nn as nn
import torch.nn.functional as F

# One of ten digits is asked for: all but the network is theirs.
from torch2tch.reference.digit_classifier import (  # noqa: F401
    draw_input,
    draw_target,
    loss,
    metrics,
    read_data,
    readings,
    report,
)


class DropoutClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.dropout(x, 0.2, self.training)
        x = F.relu(self.fc1(x))
        x = F.dropout(x, 0.5, self.training)
        return self.fc2(x)
