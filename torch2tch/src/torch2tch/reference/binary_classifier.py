"""Yes or no: a sigmoid over one output."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from torch2tch.reference import data


class BinaryClassifier(nn.Module):
    """The probability of the positive class: a sigmoid over one output.

    `(N, 784)` float32 pixels → `(N, 1)` float32 probabilities.
    """

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 64)
        self.fc2 = nn.Linear(64, 1)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        return torch.sigmoid(self.fc2(x))


def draw_input(batch_size: int) -> torch.Tensor:
    return torch.randn(batch_size, 784)


def draw_target(batch_size: int) -> torch.Tensor:
    return torch.randint(2, (batch_size, 1)).float()


loss = F.binary_cross_entropy

read_data = data.medmnist


def metrics(output: torch.Tensor, target: torch.Tensor) -> dict[str, float]:
    from sklearn.metrics import accuracy_score, recall_score, roc_auc_score

    predicted = output > 0.5
    return {
        "accuracy": accuracy_score(target, predicted),
        "sensitivity": recall_score(target, predicted),
        "specificity": recall_score(target, predicted, pos_label=0),
        "ROC AUC": roc_auc_score(target, output),
    }


def readings(output: torch.Tensor) -> dict[str, torch.Tensor]:
    return {}


def report(output: torch.Tensor) -> None:
    print("Probability of positive class:", output)
