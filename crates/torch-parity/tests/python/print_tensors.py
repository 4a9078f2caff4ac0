"""Writes random tensors, and what Python prints for each, for the test of print(tensor)."""

import json
import sys

import torch
from safetensors.torch import save_file

SHAPES = [(), (1,), (7,), (40,), (1, 10), (3, 4), (25, 8), (1, 40), (0,), (2, 0), (2, 3, 4)]
LARGE = [(1001,), (40, 40), (7, 200), (3, 700), (2, 10, 80)]
FILLS = {
    "normal": lambda shape: torch.randn(shape),
    "uniform": lambda shape: torch.rand(shape),
    "tiny": lambda shape: torch.randn(shape) * 1e-6,
    "subnormal": lambda shape: torch.randn(shape) * 1e-42,
    "huge": lambda shape: torch.randn(shape) * 1e12,
    "wide": lambda shape: torch.randn(shape) * 10 ** (torch.rand(shape) * 30 - 15),
    "thousands": lambda shape: torch.randn(shape) * 2000,
    "negative": lambda shape: -torch.rand(shape) * 50,
    "whole": lambda shape: torch.randint(-120, 120, shape).float(),
    "whole_huge": lambda shape: torch.randint(-9, 9, shape).float() * 1e9,
    "ties": lambda shape: torch.randint(-3200, 3200, shape).float() / 32 + 1 / 64,
    "zeros": lambda shape: torch.zeros(shape),
}


def with_specials(tensor):
    """Some elements replaced by what is no ordinary number."""
    specials = torch.tensor([float("nan"), float("inf"), float("-inf"), 0.0, -0.0])
    where = torch.rand(tensor.shape) < 0.3
    chosen = specials[torch.randint(len(specials), tensor.shape)]
    return torch.where(where, chosen, tensor)


def tensors():
    for shape in SHAPES + LARGE:
        for name, fill in FILLS.items():
            tensor = fill(shape)
            yield f"{name}{shape}", tensor
            yield f"{name}{shape} special", with_specials(tensor)
            yield f"{name}{shape} float64", tensor.double()
        yield f"half{shape}", torch.randn(shape).half()
        yield f"bfloat16{shape}", torch.randn(shape).bfloat16()
        yield f"nan{shape}", torch.full(shape, float("nan"))
        yield f"bool{shape}", torch.rand(shape) < 0.5
        for dtype in (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64):
            low = 0 if dtype == torch.uint8 else -100
            yield f"{dtype}{shape}", torch.randint(low, 100, shape, dtype=dtype)
        yield f"int64 huge{shape}", torch.randint(-(2**62), 2**62, shape)


def main():
    tensor_file, text_file, seed = sys.argv[1:]
    torch.manual_seed(int(seed))
    named = dict(tensors())
    save_file(named, tensor_file)
    with open(text_file, "w") as file:
        json.dump({name: str(tensor) for name, tensor in named.items()}, file)


main()
