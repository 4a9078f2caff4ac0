"""Sentences to sentences of another language: `nn.Transformer`, and a decoder of layers put together."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class Translation(nn.Module):
    def __init__(self, words=30, others=25, width=16, heads=4, layers=2, dropout=0.1):
        super().__init__()
        self.width = width
        self.source = nn.Embedding(words, width)
        self.target = nn.Embedding(others, width)
        self.places = nn.Embedding(12, width)
        self.transformer = nn.Transformer(
            width, heads, layers, layers, dim_feedforward=32, dropout=dropout, batch_first=True
        )
        layer = nn.TransformerDecoderLayer(width, heads, 24, dropout, norm_first=True, batch_first=True)
        self.again = nn.TransformerDecoder(layer, 2, norm=nn.LayerNorm(width))
        self.last = nn.TransformerDecoderLayer(width, heads, 24, activation="gelu", batch_first=True)
        self.head = nn.Linear(width, others)
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.xavier_uniform_(p)

    def placed(self, x):
        places = torch.arange(x.size(1), device=x.device)
        return x * math.sqrt(self.width) + self.places(places)

    def forward(self, source, target, mask):
        padding = source == 0
        memory = self.placed(self.source(source))
        x = self.placed(self.target(target))
        x = self.transformer(memory, x, tgt_mask=mask, src_key_padding_mask=padding,
                             memory_key_padding_mask=padding)
        x = self.again(x, memory, mask, memory_key_padding_mask=padding)
        x = self.last(x, memory, memory_mask=None)
        return self.head(x)


def draw_input(batch_size):
    source = torch.randint(30, (batch_size, 7))
    source[:, 0] = 1
    return source, torch.randint(25, (batch_size, 6)), nn.Transformer.generate_square_subsequent_mask(6)


def draw_target(batch_size):
    return torch.randint(25, (batch_size, 6))


def loss(output, target):
    return F.cross_entropy(output.flatten(0, 1), target.flatten())
