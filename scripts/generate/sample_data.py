#!/usr/bin/env python3
"""Makes the files of data/sample, with which training works at once and offline.

digits/ and odd_or_even.npz hold the 1,797 pictures of handwriting that come with scikit-learn
(8×8, 17 shades), made into MNIST's shape: each is enlarged to 20×20 (bicubic), put in the middle of
28×28, and rounded to nine shades, as which it takes a third of the space. The pictures come form
by form, as people filled them in: 14 forms, of which each begins with 0 to 9, three times over. The
last two are for the test, so that it shows handwriting that training has not seen; the one before
them is the validation of odd_or_even.npz.

houses.csv holds 1,200 made-up houses in columns of the Ames data set. With U for a number from
0 to 1, N for a normally distributed one (mean 0, deviation 1; each time another), Z for a house's
normally distributed size and T for (Year Built - 1970) / 30:

    Year Built      = 2010 - 110·U^1.6
    Year Remod/Add  = for half of the houses Year Built, but not before 1950,
                      for the others a year from then to 2010
    Overall Qual    = 6 + 0.8·T + 0.6·Z + 0.9·N                           from 1 to 10
    Gr Liv Area     = exp(7.27 + 0.05·T + 0.22·Z + 0.2·N)                 from 400 to 4500
    1st Flr SF      = Gr Liv Area, for half of the houses 0.5 to 0.7 of it
    Total Bsmt SF   = 1st Flr SF·(0.92 + 0.1·N), for 3 % of the houses 0
    Full Bath       = 0.4 + 0.75·Gr Liv Area/1000 + 0.25·T + 0.3·N        from 1 to 4
    TotRms AbvGrd   = 2.2 + Gr Liv Area/350 + 0.7·N                       from 2 to 14
    Garage Cars     = 1.75 + 0.45·T + 0.3·Z + 0.5·N                       from 0 to 4
    Garage Area     = Garage Cars·(265 + 35·N)

    SalePrice       = (15 + 9·Overall Qual)·Gr Liv Area + 25·Total Bsmt SF + 45·Garage Area
                      + 300·(Year Built - 1900) + 200·(Year Remod/Add - 1950) + 15000·N

all rounded to whole numbers. No prediction can do better than a root mean squared error of about
15,000 dollars. Seven values, in five houses, are missing: NA or nothing.

tales.txt holds small tales that a grammar makes: TALES below has its rules, of which each takes a
form with the same chance as any other.
"""

import argparse
import gzip
import io
import re
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import in_venv

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

# Where the last form but two begins, and the last but one.
VALIDATION, TEST = 1415, 1545
HOUSES = 1200

# The sentences of the tales. A name in braces stands for one of the forms of its rule; a tale has
# one beast.
TALES = {
    "tale": ["{start} {event} {event} {end}", "{start} {event} {event} {event} {end}"],
    "start": [
        "Once {a person} lived {place} with {an animal}.",
        "There was {a person} who had {an animal} and {a thing}.",
        "{time}, {a person} met {an animal} {place}.",
    ],
    "event": [
        "{time}, the {beast} ran away and hid {place}.",
        "The {beast} asked for {a thing}, but nobody had one.",
        '"{saying}," said the {beast}, and looked for {a thing}.',
        "{time}, they walked together until they found {a thing} {place}.",
        "It rained for {number} days, and the {beast} slept {place}.",
        "{a person} came by and sold them {a thing} for {number} coins.",
    ],
    "end": [
        "So they went home, and nobody ever saw the {beast} again.",
        "From that day on the {beast} stayed {place}.",
        'And when they asked what it meant, the {beast} said: "{saying}."',
    ],
    "saying": [
        "Who walks slowly sees more",
        "The river knows the way",
        "I would rather have supper",
        "Nothing is lost that is well hidden",
        "Tomorrow is another morning",
    ],
    "time": ["One morning", "In the evening", "Late in autumn", "When the snow was gone"],
    "place": [
        "behind the mill",
        "near the river",
        "under an old oak",
        "at the edge of the forest",
        "on the hill",
        "in the market square",
    ],
    "number": ["two", "three", "seven", "twelve"],
    "a person": ["an old miller", "a fisherman", "a young baker", "a shepherd", "a clockmaker"],
    "an animal": ["a grey {beast}", "a patient {beast}", "a quick {beast}", "a hungry {beast}"],
    "beast": ["goose", "donkey", "hare", "owl", "fox"],
    "a thing": ["a lantern", "a silver key", "a loaf of bread", "a warm coat", "a red boat"],
}
TALES_TOLD = 140


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        default=in_venv.ROOT / "data" / "sample",
        help="default: data/sample",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; find out whether the files there are these",
    )
    args = parser.parse_args()
    files = {args.output / name: content for name, content in make().items()}
    if args.check:
        others = [str(path) for path, content in files.items() if not holds(path, content)]
        if others:
            fail(f"not what this script makes: {', '.join(others)}")
        return
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        fail(f"cannot write {error.filename}: {error.strerror}")


def make():
    """The bytes of each file by its name."""
    digits = load_digits()
    pictures = np.stack([enlarge(image) for image in digits.images])
    labels = digits.target.astype(np.uint8)
    train, test = slice(TEST), slice(TEST, None)
    return {
        "digits/train-images-idx3-ubyte.gz": to_idx(pictures[train]),
        "digits/train-labels-idx1-ubyte.gz": to_idx(labels[train]),
        "digits/t10k-images-idx3-ubyte.gz": to_idx(pictures[test]),
        "digits/t10k-labels-idx1-ubyte.gz": to_idx(labels[test]),
        "odd_or_even.npz": to_npz(pictures, labels % 2),
        "houses.csv": to_csv(make_houses(np.random.RandomState(0))),
        "tales.txt": "".join(make_tales(np.random.RandomState(0))).encode(),
    }


def make_tales(random):
    """The tales, a paragraph each."""

    def choose(rule):
        return TALES[rule][random.randint(len(TALES[rule]))]

    def form(rule, beast):
        def part(name):
            return beast if name[1] == "beast" else form(name[1], beast)

        return re.sub("{([^}]*)}", part, choose(rule))

    for _ in range(TALES_TOLD):
        # A sentence may start with a form that stands within others too.
        tale = re.sub(
            r"(^|[.!?]\"? )([a-z])", lambda start: start[0].upper(), form("tale", choose("beast"))
        )
        yield f"{tale}\n\n"


def enlarge(image):
    """A picture of 28×28 bytes from one of 8×8 shades from 0 to 16."""
    image = Image.fromarray(np.round(image * 255 / 16).astype(np.uint8))
    image = np.asarray(image.resize((20, 20), Image.Resampling.BICUBIC))
    image = np.round(np.round(image * (8 / 255)) * (255 / 8)).astype(np.uint8)
    return np.pad(image, 4)


def to_idx(array):
    """An IDX file of bytes, gzip-compressed without a time."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


def to_npz(pictures, labels):
    """A file in MedMNIST's layout."""
    splits = {
        "train": slice(VALIDATION),
        "val": slice(VALIDATION, TEST),
        "test": slice(TEST, None),
    }
    arrays = {}
    for name, split in splits.items():
        arrays[f"{name}_images"] = pictures[split]
        arrays[f"{name}_labels"] = labels[split].reshape(-1, 1)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def make_houses(random):
    """The columns of the houses by their names; `random` is a RandomState, whose numbers stay the
    same in all versions of numpy."""

    def uniform(low=0, high=1):
        return random.uniform(low, high, HOUSES)

    def normal():
        return random.standard_normal(HOUSES)

    def whole(values, low, high):
        return np.clip(np.round(values), low, high).astype(np.int64)

    def of_half(some, others):
        return np.where(uniform() < 0.5, some, others)

    built = whole(2010 - 110 * uniform() ** 1.6, 1900, 2010)
    earliest = np.maximum(built, 1950)
    remodelled = whole(of_half(earliest, earliest + (2010 - earliest) * uniform()), 1950, 2010)
    age, size = (built - 1970) / 30, normal()
    quality = whole(6 + 0.8 * age + 0.6 * size + 0.9 * normal(), 1, 10)
    area = whole(np.exp(7.27 + 0.05 * age + 0.22 * size + 0.2 * normal()), 400, 4500)
    first_floor = whole(of_half(area, area * uniform(0.5, 0.7)), 0, 4500)
    basement = whole(first_floor * (0.92 + 0.1 * normal()) * (uniform() > 0.03), 0, 6000)
    baths = whole(0.4 + 0.75 * area / 1000 + 0.25 * age + 0.3 * normal(), 1, 4)
    rooms = whole(2.2 + area / 350 + 0.7 * normal(), 2, 14)
    cars = whole(1.75 + 0.45 * age + 0.3 * size + 0.5 * normal(), 0, 4)
    garage = whole(cars * (265 + 35 * normal()), 0, 2000)
    price = (15 + 9 * quality) * area + 25 * basement + 45 * garage
    price = price + 300 * (built - 1900) + 200 * (remodelled - 1950) + 15000 * normal()
    return {
        "Order": np.arange(1, HOUSES + 1),
        "Overall Qual": quality,
        "Year Built": built,
        "Year Remod/Add": remodelled,
        "Total Bsmt SF": basement,
        "1st Flr SF": first_floor,
        "Gr Liv Area": area,
        "Full Bath": baths,
        "TotRms AbvGrd": rooms,
        "Garage Cars": cars,
        "Garage Area": garage,
        "SalePrice": whole(price, 0, 10**7),
    }


# Row and column of the values that are left out.
MISSING = {
    (100, "Total Bsmt SF"): "",
    (400, "Total Bsmt SF"): "NA",
    (500, "Garage Cars"): "",
    (500, "Garage Area"): "",
    (800, "Garage Cars"): "NA",
    (800, "Garage Area"): "NA",
    (1100, "Year Remod/Add"): "NA",
}


def to_csv(columns):
    """A table as the Ames data set is published: with a byte-order mark, and lines that end in
    carriage return and line feed."""
    lines = [",".join(columns)]
    for row in range(HOUSES):
        values = (MISSING.get((row, name), str(column[row])) for name, column in columns.items())
        lines.append(",".join(values))
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8-sig")


def holds(path, content):
    """Whether there is a file with this content, if perhaps compressed to other bytes."""
    try:
        return unpack(path.name, path.read_bytes()) == unpack(path.name, content)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error):
        return False


def unpack(name, content):
    """What is in a file; each version of zlib compresses it in its own way."""
    if name.endswith(".gz"):
        return gzip.decompress(content)
    if name.endswith(".npz"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {entry: archive.read(entry) for entry in archive.namelist()}
    return content


def fail(message):
    sys.exit(f"error: {message}")


if __name__ == "__main__":
    main()
