"""The next token, by causal self-attention written out, with its mask in a buffer."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class CausalSelfAttention(nn.Module):
    def __init__(self, width, heads, context, dropout):
        super().__init__()
        assert width % heads == 0, "the heads share the width"
        self.query_key_value = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.heads = heads
        self.register_buffer("mask", torch.tril(torch.ones(context, context)).view(1, 1, context, context))

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.query_key_value(x).split(C, dim=2)
        q = q.view(B, T, self.heads, C // self.heads).transpose(1, 2)
        k = k.view(B, T, self.heads, C // self.heads).transpose(1, 2)
        v = v.view(B, T, self.heads, C // self.heads).transpose(1, 2)
        scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        scores = scores.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
        weights = self.dropout(F.softmax(scores, dim=-1))
        y = (weights @ v).transpose(1, 2).contiguous().view(B, T, C)
        return self.projection(y)


class Layer(nn.Module):
    def __init__(self, width, heads, context, dropout):
        super().__init__()
        self.ln1 = nn.LayerNorm(width)
        self.attention = CausalSelfAttention(width, heads, context, dropout)
        self.ln2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, x):
        x = x + self.attention(self.ln1(x))
        x = x + self.mlp(self.ln2(x))
        return x


class CausalTransformer(nn.Module):
    def __init__(self, vocabulary=30, context=8, width=16, heads=4, depth=2, dropout=0.1):
        super().__init__()
        self.context = context
        self.tokens = nn.Embedding(vocabulary, width)
        self.places = nn.Parameter(torch.zeros(1, context, width))
        self.drop = nn.Dropout(dropout)
        self.layers = nn.ModuleList([Layer(width, heads, context, dropout) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.apply(self._init_weights)

    def _init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, mean=0.0, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, index):
        T = index.shape[1]
        assert T <= self.context, f"{T} tokens are too many"
        x = self.drop(self.tokens(index) + self.places[:, :T, :])
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


def draw_input(batch_size):
    return torch.randint(30, (batch_size, 6))


def draw_target(batch_size):
    return torch.randint(30, (batch_size, 6))


def loss(output, target):
    return F.cross_entropy(output.view(-1, 30), target.view(-1))
