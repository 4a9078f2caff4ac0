"""The next word by a Transformer of `nn` layers, with places from sines and tied weights."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class PositionalEncoding(nn.Module):
    def __init__(self, width, dropout=0.1, longest=50):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        pe = torch.zeros(longest, width)
        position = torch.arange(0, longest, dtype=torch.float).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, width, 2).float() * (-math.log(10000.0) / width))
        pe[:, 0::2] = torch.sin(position * div_term)
        pe[:, 1::2] = torch.cos(position * div_term)
        pe = pe.unsqueeze(0)
        self.register_buffer("pe", pe)

    def forward(self, x):
        x = x + self.pe[:, : x.size(1)]
        return self.dropout(x)


class LanguageModel(nn.Module):
    def __init__(self, words=40, width=16, heads=2, hidden=32, layers=2, dropout=0.2):
        super().__init__()
        self.width = width
        self.encoder = nn.Embedding(words, width)
        self.places = PositionalEncoding(width, dropout)
        layer = nn.TransformerEncoderLayer(width, heads, hidden, dropout, batch_first=True)
        self.transformer = nn.TransformerEncoder(layer, layers)
        self.decoder = nn.Linear(width, words)
        self.decoder.weight = self.encoder.weight
        self.init_weights()

    def init_weights(self):
        initrange = 0.1
        nn.init.uniform_(self.encoder.weight, -initrange, initrange)
        nn.init.zeros_(self.decoder.bias)

    def _mask(self, size):
        return torch.log(torch.tril(torch.ones(size, size)))

    def forward(self, words):
        mask = self._mask(words.size(1))
        x = self.encoder(words) * math.sqrt(self.width)
        x = self.places(x)
        x = self.transformer(x, mask=mask)
        return F.log_softmax(self.decoder(x), dim=-1)


def draw_input(batch_size):
    return torch.randint(40, (batch_size, 7))


def draw_target(batch_size):
    return torch.randint(40, (batch_size, 7))


def loss(output, target):
    return F.nll_loss(output.view(-1, 40), target.view(-1))
