"""Ten digits by two convolutions: normalized pixels, and the logarithms of probabilities."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from torch2tch.reference import data

# As with the digits, one of ten classes is asked for.
from torch2tch.reference.digit_classifier import draw_target, metrics  # noqa: F401


class ConvolutionalClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.dropout1 = nn.Dropout(0.25)
        self.dropout2 = nn.Dropout(0.5)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.max_pool2d(x, 2)
        x = self.dropout1(x)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = self.dropout2(x)
        return F.log_softmax(self.fc2(x), dim=1)


def draw_input(batch_size: int) -> torch.Tensor:
    return torch.randn(batch_size, 1, 28, 28)


loss = F.nll_loss


def read_data(path: data.Folder) -> data.Sets:
    return data.mnist(path, shape=(1, 28, 28), normalize=(0.1307, 0.3081))


def readings(output: torch.Tensor) -> dict[str, torch.Tensor]:
    probabilities = output.exp()
    return {"probabilities": probabilities, "predicted": torch.argmax(probabilities, dim=1)}


def report(output: torch.Tensor) -> None:
    probabilities = output.exp()
    print("Log-probabilities:", output)
    print("Probabilities:", probabilities)
    print("Predicted class:", torch.argmax(probabilities, dim=1))
