"""The data sets, read as a Python user reads them: input and target of "train", "test" and, where
the set has one, "validation"."""

import csv
import gzip
from pathlib import Path

import numpy as np
import torch

# A data set's folder, or its one file.
Folder = str | Path

# Input and target by the name of the set.
Sets = dict[str, tuple[torch.Tensor, ...]]


def mnist(
    path: Folder, shape: tuple[int, ...] = (784,), normalize: tuple[float, float] | None = None
) -> Sets:
    """The four IDX files of MNIST: pixels from 0 to 1, (N, *shape), or with `normalize` those of
    that mean and standard deviation brought to 0 and 1; labels (N,) int64."""

    def read(name, header):
        with open_file(only_file(path, f"{name}*"), "rb") as file:
            return torch.tensor(np.frombuffer(file.read(), np.uint8, offset=header))

    def read_set(name):
        images = read(f"{name}-images-idx3-ubyte", 16).reshape(-1, *shape) / 255
        if normalize:
            # As by torchvision.transforms.Normalize.
            mean, std = (torch.as_tensor(number, dtype=images.dtype) for number in normalize)
            images = images.sub_(mean).div_(std)
        return images, read(f"{name}-labels-idx1-ubyte", 8).long()

    return {"train": read_set("train"), "test": read_set("t10k")}


def medmnist(path: Folder) -> Sets:
    """A binary set of MedMNIST: pixels from 0 to 1 (N, 784), labels (N, 1) float32."""
    arrays = np.load(only_file(path, "*.npz"))

    def read_set(name):
        images = torch.tensor(arrays[f"{name}_images"]).reshape(-1, 784)
        return images / 255, torch.tensor(arrays[f"{name}_labels"]).reshape(-1, 1).float()

    names = {"train": "train", "validation": "val", "test": "test"}
    return {split: read_set(name) for split, name in names.items()}


# The bytes of a sample of a text, and the most samples that are held back.
CHUNK, MOST_HELD_BACK = 64, 1024


def text(path: Folder) -> Sets:
    """A text in chunks of bytes, int64 (N, CHUNK), and the byte that follows each of them."""
    text = only_file(path, "*.txt").read_bytes()
    text.decode("utf-8")
    chunks = (len(text) - 1) // CHUNK
    tokens = torch.tensor(np.frombuffer(text, np.uint8)).long()
    samples = [tokens[start:][: chunks * CHUNK].reshape(chunks, CHUNK) for start in (0, 1)]
    train = chunks - min(max(chunks // 10, 1), MOST_HELD_BACK)
    return {
        "train": tuple(tensor[:train] for tensor in samples),
        "test": tuple(tensor[train:] for tensor in samples),
    }


DOLLARS = 100_000

# Column (the competition's file has the same names without spaces), what is subtracted, what it is
# divided by.
COLUMNS = [
    ("Overall Qual", 0, 10),
    ("Gr Liv Area", 0, 1000),
    ("Garage Cars", 0, 10),
    ("Garage Area", 0, 1000),
    ("Total Bsmt SF", 0, 1000),
    ("1st Flr SF", 0, 1000),
    ("Full Bath", 0, 10),
    ("TotRms AbvGrd", 0, 10),
    ("Year Built", 1950, 50),
    ("Year Remod/Add", 1950, 50),
    ("SalePrice", 0, DOLLARS),
]


def ames(path: Folder) -> Sets:
    """The Ames houses in the units of COLUMNS: features (N, 10), prices (N, 1)."""
    with open_file(only_file(path, "*.csv*"), "rt", newline="", encoding="utf-8-sig") as file:
        names, *lines = csv.reader(file)
    names = [name.replace(" ", "").replace("/", "") for name in names]
    columns = [column.replace(" ", "").replace("/", "") for column, _, _ in COLUMNS]
    if missing := [column for column in columns if column not in names]:
        raise ValueError(f"expected a column {missing[0]}, found {', '.join(names)}")
    places = [names.index(column) for column in columns]
    rows = [[line[place] for place in places] for line in lines if line]
    complete = [row for row in rows if not {"", "NA"} & set(row)]
    numbers = torch.tensor([[float(text) for text in row] for row in complete])
    for i, (_, subtrahend, divisor) in enumerate(COLUMNS):
        numbers[:, i] = (numbers[:, i] - subtrahend) / divisor
    for_testing = torch.arange(len(numbers)) % 5 == 4

    def take(chosen):
        return numbers[chosen, :10], numbers[chosen, 10:]

    return {"train": take(~for_testing), "test": take(for_testing)}


def only_file(path, pattern):
    """The path itself, or the one file of that pattern in it."""
    path = Path(path)
    files = list(path.glob(pattern)) if path.is_dir() else [path]
    if len(files) != 1:
        raise ValueError(f"expected one file {pattern} in the folder, found {len(files)}")
    return files[0]


def open_file(path, mode, **options):
    return (gzip.open if path.suffix == ".gz" else open)(path, mode, **options)
