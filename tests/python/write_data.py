"""Writes small data sets, random but the same every time, in every form that the port reads."""

import csv
import gzip
import sys
from pathlib import Path

import numpy as np

folder = Path(sys.argv[1])
rng = np.random.default_rng(0)
HOUSES = {
    "Order": (1, 3000),
    "Overall Qual": (1, 11),
    "Gr Liv Area": (300, 6000),
    "Garage Cars": (0, 6),
    "Garage Area": (0, 1500),
    "Total Bsmt SF": (0, 6000),
    "Neighborhood": None,
    "1st Flr SF": (300, 5000),
    "Full Bath": (0, 5),
    "TotRms AbvGrd": (2, 16),
    "SalePrice": (10_000, 800_000),
    "Year Built": (1870, 2011),
    "Year Remod/Add": (1950, 2011),
}


def main():
    for dtype in "uint8", "int8", "uint16", "int32", ">i4", "int64", ">u8":
        for save in np.savez, np.savez_compressed:
            name = f"{np.dtype(dtype).name}-{dtype[:1] == '>'}-{save.__name__}.npz"
            save(folder / name, **medmnist(dtype, labels_2d=save is np.savez))
    for name, opener in ("plain", open), ("gzip", gzip.open):
        write_mnist(folder / name, opener)
    rows = [house() for _ in range(57)]
    for index, column, missing in (3, "Garage Cars", ""), (9, "SalePrice", "NA"):
        rows[index][column] = missing
    write_houses(folder / "published.csv", open, rows, "utf-8-sig", "\r\n", HOUSES)
    write_houses(folder / "published.csv.gz", gzip.open, rows, "utf-8", "\n", HOUSES)
    names = map(competition_name, HOUSES)
    write_houses(folder / "competition.csv", open, rows, "utf-8", "\n", names)


def medmnist(dtype, labels_2d):
    arrays = {"unused": np.array(["text"])}
    for name, count in ("train", 11), ("val", 3), ("test", 4):
        labels = rng.integers(0, 2, (count, 1)).astype(dtype)
        arrays[f"{name}_images"] = rng.integers(0, 256, (count, 28, 28), np.uint8)
        arrays[f"{name}_labels"] = labels if labels_2d else labels[:, 0]
    return arrays


def write_mnist(folder, opener):
    folder.mkdir()
    suffix = ".gz" if opener is gzip.open else ""
    for name, count in ("train", 7), ("t10k", 3):
        with opener(folder / f"{name}-images-idx3-ubyte{suffix}", "wb") as file:
            file.write(np.array([0x803, count, 28, 28], ">u4").tobytes())
            file.write(rng.integers(0, 256, (count, 784), np.uint8).tobytes())
        with opener(folder / f"{name}-labels-idx1-ubyte{suffix}", "wb") as file:
            file.write(np.array([0x801, count], ">u4").tobytes())
            file.write(rng.integers(0, 10, count, np.uint8).tobytes())


def house():
    texts = 'North, "old" town', "line\nbreak", "NA", "", "Zürich"
    return {
        name: str(rng.choice(texts) if bounds is None else round(rng.uniform(*bounds), 2))
        for name, bounds in HOUSES.items()
    }


def competition_name(name):
    return name.replace(" ", "").replace("/", "")


def write_houses(path, opener, rows, encoding, newline, names):
    with opener(path, "wt", encoding=encoding, newline="") as file:
        writer = csv.writer(file, lineterminator=newline)
        writer.writerow(names)
        writer.writerows(row.values() for row in rows)


main()
