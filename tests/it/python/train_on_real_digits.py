"""Trains the digit classifier for an epoch on real digits; saves it and what it makes of the rest."""

import gzip
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts" / "reference"))

import common
import numpy as np
import torch
from safetensors.torch import save_file
from torch.utils.data import DataLoader, TensorDataset

mnist, folder = map(Path, sys.argv[1:])


def images(name):
    with gzip.open(mnist / f"{name}-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    return torch.tensor(pixels).float() / 255


def labels(name):
    with gzip.open(mnist / f"{name}-labels-idx1-ubyte.gz") as file:
        return torch.tensor(np.frombuffer(file.read(), np.uint8, offset=8)).long()


task = common.task("digit_classifier")
model = common.build(task, seed=0, threads=1)
optimizer = torch.optim.Adam(model.parameters())
dataset = TensorDataset(images("train"), labels("train"))
for input, target in DataLoader(dataset, batch_size=64, shuffle=True):
    optimizer.zero_grad()
    task.loss(model(input), target).backward()
    optimizer.step()

input, target = images("t10k"), labels("t10k")
with torch.no_grad():
    logits = model(input)
predicted = logits.argmax(dim=1)
correct = (predicted == target).sum()
save_file(model.state_dict(), folder / "weights.safetensors")
torch.save(model.state_dict(), folder / "weights.pt")
save_file(
    {"input": input, "target": target, "logits": logits, "predicted": predicted, "correct": correct},
    folder / "expected.safetensors",
)
