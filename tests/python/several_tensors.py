"""Records the trace of a network of several tensors: `graph FILE` or `tokens FILE`."""

import sys
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from torch2tch.reference.record_trace import record


class Graph(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(5, 6)
        self.first.bias.requires_grad_(False)
        self.norm = nn.BatchNorm1d(6)
        self.second = nn.Linear(6, 3)

    def forward(self, x, adjacency):
        x = adjacency @ self.first(x)
        x = F.relu(self.norm(x))
        return adjacency @ self.second(x)


graph = SimpleNamespace(
    draw_input=lambda batch_size: (torch.randn(7, 5), torch.rand(7, 7)),
    draw_target=lambda batch_size: torch.randint(3, (7,)),
    loss=F.cross_entropy,
    readings=lambda output: {},
)


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 4)
        self.decoder = nn.Linear(4, 11, bias=False)
        self.decoder.weight = self.embedding.weight

    def forward(self, tokens):
        embedded = self.embedding(tokens)
        return self.decoder(embedded), (embedded.mean(1), tokens + 1)


def draw_tokens(batch_size):
    return torch.randint(11, (batch_size, 6))


def draw_targets(batch_size):
    mean = torch.randn(batch_size, 4)
    return draw_tokens(batch_size), [mean]


def tokens_loss(output, target):
    (logits, (mean, _)), (following, means) = output, target
    loss = F.cross_entropy(logits.flatten(0, 1), following.flatten(0, 1))
    return loss + F.mse_loss(mean, means[0])


tokens = SimpleNamespace(
    draw_input=draw_tokens,
    draw_target=draw_targets,
    loss=tokens_loss,
    readings=lambda output: {"likeliest": output[0].argmax(-1)},
)

torch.set_num_threads(1)
torch.ones(1).sqrt()
torch.manual_seed(0)
model, task = {"graph": (Graph, graph), "tokens": (Tokens, tokens)}[sys.argv[1]]
model = model()
optimizer = torch.optim.Adam(model.parameters(), 0.01)
save_file(record(task, model, optimizer, 4, 3), sys.argv[2])
