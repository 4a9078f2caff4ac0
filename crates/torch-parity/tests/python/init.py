"""Draws with functions of torch.nn.init: init.py OUTPUT.safetensors CASES.json.

A case is [function, arguments, shape, dtype]. `<i>` is what is drawn, `<i>.next` a number that is
drawn after it, which tells whether as much was taken from the generator.
"""

import json
import sys

import torch
from safetensors.torch import save_file

output_file, cases_file = sys.argv[1:]
torch.set_num_threads(1)
with open(cases_file) as file:
    cases = json.load(file)
drawn = {}
for i, (function, arguments, shape, dtype) in enumerate(cases):
    torch.manual_seed(0)
    tensor = torch.zeros(shape, dtype=getattr(torch, dtype), requires_grad=True)
    getattr(torch.nn.init, function)(tensor, **arguments)
    drawn[f"{i}"] = tensor.detach()
    drawn[f"{i}.next"] = torch.randn(1)
gains = [
    torch.nn.init.calculate_gain(*case)
    for case in (
        ("linear",),
        ("conv2d",),
        ("sigmoid",),
        ("tanh",),
        ("relu",),
        ("leaky_relu",),
        ("leaky_relu", 0.2),
        ("selu",),
    )
]
drawn["gains"] = torch.tensor(gains, dtype=torch.float64)
save_file(drawn, output_file)
