"""Sentences of different lengths: a mask, attention over what is not padding, several kernels."""

import torch
from torch import nn
from torch.nn import functional as F


class AttentionPooling(nn.Module):
    def __init__(self, words=25, width=8, kernels=(1, 3, 5), classes=3, dropout=0.3):
        super().__init__()
        self.embedding = nn.Embedding(words, width, padding_idx=0)
        self.convolutions = nn.ModuleList(
            [nn.Conv1d(width, width, kernel, padding=kernel // 2) for kernel in kernels]
        )
        self.attention = nn.MultiheadAttention(width, num_heads=2, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.score = nn.Linear(width, 1, bias=False)
        self.dropout = dropout
        self.activation = torch.tanh
        self.out = nn.Linear(width, classes)

    def forward(self, tokens):
        padding = tokens == 0
        x = self.embedding(tokens)
        y = x.transpose(1, 2)
        y = torch.stack([F.relu(conv(y)) for conv in self.convolutions]).sum(0)
        x = self.norm(x + y.transpose(1, 2))
        attended, _ = self.attention(x, x, x, key_padding_mask=padding, need_weights=False)
        x = x + F.dropout(attended, p=self.dropout, training=self.training)
        scores = self.score(self.activation(x)).squeeze(-1)
        scores = scores.masked_fill(padding, -1e9)
        weights = torch.softmax(scores, dim=1)
        if self.training:
            weights = F.dropout(weights, 0.1)
        pooled = torch.einsum("nt,ntd->nd", weights, x)
        return self.out(pooled)


def draw_input(batch_size):
    return torch.cat([torch.randint(1, 25, (batch_size, 5)), torch.zeros(batch_size, 2, dtype=torch.long)], 1)


def draw_target(batch_size):
    return torch.randint(3, (batch_size,))


loss = F.cross_entropy
