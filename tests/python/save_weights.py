"""Saves the weights of a network with another seed, in every form that the port has to read."""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from torch2tch.reference import common

network, folder = sys.argv[1], Path(sys.argv[2])
weights = common.build(common.task(network), seed=1234).state_dict()
save_file(weights, folder / "weights.safetensors")
torch.save(weights, folder / "weights.pt")
# Views whose elements do not lie in order in the file.
strided = {name: torch.stack([w, w], dim=-1)[..., 0] for name, w in weights.items()}
torch.save(strided, folder / "strided.pt")
