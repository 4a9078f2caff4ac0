"""A tag for each token: an embedding and a recurrent layer in both directions."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class GruTagger(nn.Module):
    def __init__(self, vocabulary=50, tags=7, width=16, layers=2, dropout=0.2):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=0)
        self.gru = nn.GRU(width, width, num_layers=layers, batch_first=True, dropout=dropout,
                          bidirectional=True)
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(2 * width, tags)

    def forward(self, tokens):
        # (N, T) tokens to (N, T, width)
        embedded = self.drop(self.embedding(tokens))
        hidden, _ = self.gru(embedded)
        scores = self.out(self.drop(hidden))
        return F.log_softmax(scores, dim=2)


def draw_input(batch_size):
    return torch.randint(50, (batch_size, 11))


def draw_target(batch_size):
    return torch.randint(7, (batch_size, 11))


def loss(output, target):
    return F.nll_loss(output.view(-1, 7), target.view(-1))
