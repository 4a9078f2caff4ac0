"""Digits squeezed into twenty numbers, and drawn again from them: noise in the forward pass, and
three outputs."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from torch2tch.reference import data


class VariationalAutoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(784, 400)
        self.mu = nn.Linear(400, 20)
        self.logvar = nn.Linear(400, 20)
        self.widen = nn.Linear(20, 400)
        self.pixels = nn.Linear(400, 784)

    def encode(self, x):
        x = F.relu(self.hidden(x))
        return self.mu(x), self.logvar(x)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + torch.randn_like(std) * std

    def decode(self, z):
        z = F.relu(self.widen(z))
        return torch.sigmoid(self.pixels(z))

    def forward(self, x):
        mu, logvar = self.encode(x)
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


def draw_input(batch_size: int) -> torch.Tensor:
    return torch.rand(batch_size, 784)


draw_target = draw_input


def loss(output: tuple[torch.Tensor, ...], target: torch.Tensor) -> torch.Tensor:
    error, divergence = terms(output, target)
    return error + divergence


def terms(output, target):
    """How far the reconstruction is from the picture, and the distribution of its numbers from the
    standard normal one: sums over the samples."""
    picture, mu, logvar = output
    error = F.binary_cross_entropy(picture, target, reduction="sum")
    return error, -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def read_data(path: data.Folder) -> data.Sets:
    """Each picture is its own target."""
    return {name: (pictures, pictures) for name, (pictures, _) in data.mnist(path).items()}


def metrics(output: tuple[torch.Tensor, ...], target: torch.Tensor) -> dict[str, float]:
    output = tuple(part.double() for part in output)
    error, divergence = (term.item() / len(target) for term in terms(output, target.double()))
    return {"loss": error + divergence, "reconstruction": error, "KL divergence": divergence}


def readings(output: tuple[torch.Tensor, ...]) -> dict[str, torch.Tensor]:
    return {}


def report(output: tuple[torch.Tensor, ...]) -> None:
    _, mu, logvar = output
    print("mu:", mu)
    print("logvar:", logvar)
