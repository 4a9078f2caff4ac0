"""A network whose two layers share their weight: `save FILE` as safetensors saves it, and
`load FILE RESULT`, which loads strictly what Rust saved and writes what came of it."""

import sys

import torch
from safetensors.torch import load_file, save_file, save_model


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(3, 3)
        self.second = torch.nn.Linear(3, 3)
        self.second.weight = self.first.weight


def save(file):
    torch.manual_seed(0)
    save_model(Tied(), file)


def load(file, result):
    model = Tied()
    model.load_state_dict(load_file(file), strict=True)
    assert model.first.weight is model.second.weight
    save_file({name: tensor.clone() for name, tensor in model.state_dict().items()}, result)


{"save": save, "load": load}[sys.argv[1]](*sys.argv[2:])
