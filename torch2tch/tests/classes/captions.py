"""Sentences of different lengths, packed for recurrent layers and padded again."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class Captions(nn.Module):
    def __init__(self, words=20, width=8):
        super().__init__()
        self.embed = nn.Embedding(words, width, padding_idx=0)
        self.lstm = nn.LSTM(width, width, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(2 * width, width, batch_first=True)
        self.head = nn.Linear(width, words)

    def forward(self, words, lengths, following=None):
        packed = pack_padded_sequence(self.embed(words), lengths, batch_first=True, enforce_sorted=False)
        states, (last, _) = self.lstm(packed)
        padded, counts = pad_packed_sequence(states, batch_first=True)
        again, state = self.gru(pack_padded_sequence(padded, counts, True, False))
        scores = self.head(state[-1] + last[0])

        error = None
        if following is not None:
            error = F.cross_entropy(scores, following, ignore_index=0)
        return self.head(again.data), scores, error


def draw_input(batch_size):
    words = torch.randint(1, 20, (batch_size, 7))
    return words, torch.arange(batch_size) % 7 + 1, torch.randint(20, (batch_size,))


def loss(output, target):
    return output[0].pow(2).mean() + output[1].pow(2).mean() + output[2]
