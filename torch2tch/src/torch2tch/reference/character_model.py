"""What comes next in a text, character by character: an embedding, an LSTM and logits over all
bytes."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from torch2tch.reference import data


class CharacterModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(256, 64)
        self.lstm = nn.LSTM(64, 128, 2, dropout=0.2, batch_first=True)
        self.decoder = nn.Linear(128, 256)

    def forward(self, x):
        x = self.embedding(x)
        x, _ = self.lstm(x)
        return self.decoder(x)


def draw_input(batch_size: int) -> torch.Tensor:
    return torch.randint(256, (batch_size, data.CHUNK))


draw_target = draw_input


def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(output.flatten(0, 1), target.flatten())


read_data = data.text


def metrics(output: torch.Tensor, target: torch.Tensor) -> dict[str, float]:
    nats = loss(output.double(), target).item()
    return {"bits per byte": nats / math.log(2), "perplexity": math.exp(nats)}


def readings(output: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"likeliest": output.argmax(dim=-1)}


def report(output: torch.Tensor) -> None:
    print("Likeliest next bytes:", output.argmax(dim=-1))
