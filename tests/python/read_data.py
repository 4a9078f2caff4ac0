"""Reads data sets with Python's own readers and saves features and targets in 0.safetensors, ..."""

import csv
import gzip
import io
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

SETS = {"train": "train", "validation": "val", "test": "test"}
# How a column becomes a feature; the names without blanks and slashes are the competition's.
COLUMNS = {
    "Overall Qual": 10,
    "Gr Liv Area": 1000,
    "Garage Cars": 10,
    "Garage Area": 1000,
    "Total Bsmt SF": 1000,
    "1st Flr SF": 1000,
    "Full Bath": 10,
    "TotRms AbvGrd": 10,
    "Year Built": 50,
    "Year Remod/Add": 50,
    "SalePrice": 100_000,
}


def main():
    kind, folder, *paths = sys.argv[1:]
    read = {"medmnist": read_medmnist, "mnist": read_mnist, "ames": read_ames}[kind]
    for index, path in enumerate(paths):
        tensors = {name: tensor.contiguous() for name, tensor in read(Path(path)).items()}
        save_file(tensors, Path(folder) / f"{index}.safetensors")


def read_medmnist(path):
    tensors = {}
    with np.load(path) as arrays:
        for name, prefix in SETS.items():
            images = arrays[f"{prefix}_images"]
            labels = arrays[f"{prefix}_labels"].astype(np.float32)
            tensors[f"{name}.features"] = torch.tensor(images).reshape(-1, 784)
            tensors[f"{name}.targets"] = torch.tensor(labels).reshape(-1, 1)
    return tensors


def read_mnist(folder):
    tensors = {}
    for name, prefix in ("train", "train"), ("test", "t10k"):
        images = read_bytes(folder / f"{prefix}-images-idx3-ubyte")[16:]
        labels = read_bytes(folder / f"{prefix}-labels-idx1-ubyte")[8:]
        pixels = np.frombuffer(images, np.uint8).copy()
        tensors[f"{name}.features"] = torch.tensor(pixels).reshape(-1, 784)
        tensors[f"{name}.targets"] = torch.tensor(np.frombuffer(labels, np.uint8).astype(np.int64))
    return tensors


def read_bytes(path):
    if path.exists():
        return path.read_bytes()
    with gzip.open(f"{path}.gz") as file:
        return file.read()


def read_ames(path):
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    houses = [house for house in map(to_numbers, rows) if house is not None]
    tensors = {}
    for name, is_test in ("train", False), ("test", True):
        chosen = [house for i, house in enumerate(houses) if (i % 5 == 4) == is_test]
        numbers = torch.stack(chosen)
        tensors[f"{name}.features"], tensors[f"{name}.targets"] = numbers[:, :10], numbers[:, 10:]
    return tensors


def to_numbers(row):
    """The eleven numbers of a house, or none if one is missing."""
    numbers = []
    for name, unit in COLUMNS.items():
        text = row[name] if name in row else row[name.replace(" ", "").replace("/", "")]
        if text in ("", "NA"):
            return None
        number = torch.tensor(float(text), dtype=torch.float32)
        numbers.append((number - 1950 if name.startswith("Year") else number) / unit)
    return torch.stack(numbers)


main()
