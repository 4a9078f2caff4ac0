"""Prints the batches of sample indices that a DataLoader makes, epoch by epoch, as JSON."""

import json
import sys

import torch
from torch.utils.data import DataLoader

samples, batch_size, epochs, seed = map(int, sys.argv[1:])
torch.manual_seed(seed)
loader = DataLoader(range(samples), batch_size=batch_size, shuffle=True)
print(json.dumps([[batch.tolist() for batch in loader] for _ in range(epochs)]))
