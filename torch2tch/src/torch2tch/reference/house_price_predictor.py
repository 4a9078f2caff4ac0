"""A price: no activation after the last layer."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from torch2tch.reference import data


class HousePricePredictor(nn.Module):
    """A price, any number: nothing follows the last layer.

    `(N, 10)` float32 features → `(N, 1)` float32 prices.
    """

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(10, 64)
        self.fc2 = nn.Linear(64, 1)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        return self.fc2(x)


def draw_input(batch_size: int) -> torch.Tensor:
    return torch.randn(batch_size, 10)


def draw_target(batch_size: int) -> torch.Tensor:
    return torch.randn(batch_size, 1)


loss = F.mse_loss

read_data = data.ames


def metrics(output: torch.Tensor, target: torch.Tensor) -> dict[str, float]:
    from sklearn.metrics import r2_score, root_mean_squared_error

    target, output = target.double() * data.DOLLARS, output.double() * data.DOLLARS
    return {"RMSE": root_mean_squared_error(target, output), "R²": r2_score(target, output)}


def readings(output: torch.Tensor) -> dict[str, torch.Tensor]:
    return {}


def report(output: torch.Tensor) -> None:
    print("Predicted house price:", output)
