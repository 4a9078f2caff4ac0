"""Ten digits: logits, and a softmax to read them."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from torch2tch.reference import data


class DigitClassifier(nn.Module):
    """Ten logits, one for each digit; softmax turns them into probabilities.

    `(N, 784)` float32 pixels → `(N, 10)` float32 logits.
    """

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        return self.fc2(x)


def draw_input(batch_size: int) -> torch.Tensor:
    return torch.randn(batch_size, 784)


def draw_target(batch_size: int) -> torch.Tensor:
    return torch.randint(10, (batch_size,))


loss = F.cross_entropy

read_data = data.mnist


def metrics(output: torch.Tensor, target: torch.Tensor) -> dict[str, float]:
    from sklearn.metrics import accuracy_score

    return {"accuracy": accuracy_score(target, output.argmax(dim=1))}


def readings(output: torch.Tensor) -> dict[str, torch.Tensor]:
    softmax = F.softmax(output, dim=1)
    return {"softmax": softmax, "predicted": torch.argmax(softmax, dim=1)}


def report(output: torch.Tensor) -> None:
    softmax = F.softmax(output, dim=1)
    print("Raw logits:", output)
    print("Softmax output:", softmax)
    print("Predicted class:", torch.argmax(softmax, dim=1))
