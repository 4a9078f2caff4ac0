"""Compares two traces (.safetensors), tensor by tensor, to the bit.

The exit code is 0 if both hold the same tensors with the same bits and 1 on any difference.
"""

import argparse
import functools
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from safetensors import SafetensorError, safe_open

# A file's metadata, and its arrays by name with it.
Facts = dict[str, str]
Trace = tuple[dict[str, np.ndarray], Facts]

# The names of the two sides where they differ.
Names = tuple[str, str]
SIDES: Names = ("Python", "Rust")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("traces", type=Path, nargs=2, metavar="FILE")
    left, right = parser.parse_args().traces
    sys.exit(summarize(show(read(left), read(right), names=(str(left), str(right)))))


@dataclass(frozen=True)
class Row:
    """The result of the comparison for one name."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    verdict: str
    equal: bool
    exact: bool = True  # to the bit; else by a tolerance that the verdict states


def compare(left: Trace, right: Trace, names: Names = SIDES) -> list[Row]:
    """One row for each name in either trace, in the order in which the tensors come into being.

    A trace is a dict of arrays and its metadata. Arrays are equal if they have the same shape,
    dtype and bits. NaN equals NaN in the same place, whatever its payload; 0.0 and -0.0 differ. Two
    traces of different networks have one more row, which differs.
    """
    (ours, our_facts), (theirs, their_facts) = left, right
    rows = []
    networks = [facts["network"] for facts in (our_facts, their_facts) if "network" in facts]
    if len(set(networks)) == 2:
        verdict = f"{networks[0]} in {names[0]}, {networks[1]} in {names[1]}"
        rows.append(Row("network", (), "name", verdict, equal=False))
    order = _order(our_facts) or _order(their_facts)
    moment = functools.partial(_moment, {name: place for place, name in enumerate(order)})
    for name in sorted(ours.keys() | theirs.keys(), key=moment):
        sides = [side[name] for side in (ours, theirs) if name in side]
        if len(sides) == 2:
            found = difference(sides[0], sides[1], names)
        else:
            found = f"only in {names[0] if name in ours else names[1]}"
        shape, dtype = sides[0].shape, str(sides[0].dtype)
        rows.append(Row(name, shape, dtype, found or "equal", not found))
    return rows


def _order(facts: Facts) -> list[str]:
    """The names of parameters and buffers in the order of their creation, where a trace has it."""
    order = json.loads(facts.get("order", "[]"))
    if not (isinstance(order, list) and all(isinstance(name, str) for name in order)):
        raise ValueError("expected a list of names as the order in the metadata")
    return order


# What comes about when; what is not named here, the readings of the output, right after it.
STAGES = [
    "init",
    "generator",
    "input",
    "target",
    "output",
    "readings",
    "losses",
    "grad",
    "step",
    "epoch",
    "metric",
]


def _moment(places: dict[str, int], name: str) -> tuple[object, ...]:
    """Sorts the tensors of a trace by when they come into being. `places` has the parameters and
    buffers in their order; those that it does not know follow, by name."""
    first, _, rest = name.partition(".")
    stage = first.rstrip("0123456789")
    if stage not in STAGES:
        # A reading, or a parameter in a file of weights.
        return STAGES.index("readings"), 0, 0, places.get(name, len(places)), _natural(name)
    number = int(first.removeprefix(stage) or 0)
    # In an epoch every loss comes before the weights that it ends with.
    kinds = {"losses": -2, "loss": -1, "optimizer": 1, "output": 2} if stage == "epoch" else {}
    kind = 0 if rest in places else kinds.get(rest.partition(".")[0], 0)
    return STAGES.index(stage), number, kind, places.get(rest, len(places)), _natural(rest)


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Sorts 10 after 9."""
    return [
        (not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in name.split(".")
    ]


def difference(left: np.ndarray, right: np.ndarray, names: Names) -> str | None:
    """The difference in a phrase, or `None`."""
    if left.shape != right.shape:
        return f"shape {left.shape} in {names[0]}, {right.shape} in {names[1]}"
    if left.dtype != right.dtype:
        return f"{left.dtype} in {names[0]}, {right.dtype} in {names[1]}"
    is_float = left.dtype.kind == "f"
    differs = _bits(left) != _bits(right)
    if is_float:
        differs &= ~(np.isnan(left) & np.isnan(right))
    count = int(np.count_nonzero(differs))
    if count == 0:
        return None
    first = tuple(int(i) for i in np.argwhere(differs)[0])
    a, b = left[differs], right[differs]
    with np.errstate(invalid="ignore", over="ignore"):
        largest = float(np.max(np.abs(a.astype(np.float64) - b.astype(np.float64))))
    size = f"{largest:.3g}"
    if is_float:
        size = f"{_largest_ulp(a, b)} ulp, {size}"
    return f"{count} of {left.size} elements differ, by up to {size}; first at {first}"


def _bits(array: np.ndarray) -> np.ndarray:
    """The elements as unsigned integers of the same size."""
    return np.atleast_1d(array).view(f"u{array.dtype.itemsize}").reshape(array.shape)


def _largest_ulp(a: np.ndarray, b: np.ndarray) -> int | str:
    """How many floats lie between two numbers, at the most; no distance leads to NaN."""
    if np.isnan(a).any() or np.isnan(b).any():
        return "NaN"
    return max(abs(int(x) - int(y)) for x, y in zip(_ordinal(a), _ordinal(b)))


def _ordinal(array: np.ndarray) -> np.ndarray:
    """Numbers the floats in their order; -0.0 comes just before 0.0."""
    signed = array.view(f"i{array.dtype.itemsize}")
    smallest = np.iinfo(signed.dtype).min
    return np.where(signed < 0, smallest - signed - 1, signed)


def read(path: Path) -> Trace:
    """A trace: its arrays and its metadata."""
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no file" if path.exists() else "nothing"
        fail(f"{path}: expected a .safetensors file, found {found}")
    try:
        with safe_open(path, framework="numpy") as file:
            names = file.keys()
            arrays, facts = {name: file.get_tensor(name) for name in names}, file.metadata()
        _order(facts or {})
        return arrays, facts or {}
    except OSError as error:
        fail(f"{path}: {error.strerror or error}")
    except (SafetensorError, TypeError, ValueError, AttributeError) as error:
        fail(f"{path}: {' '.join(str(error).split())}")


def show(left: Trace, right: Trace, names: Names = SIDES) -> list[Row]:
    """Prints a row for each tensor and a note for each setting that differs; returns the rows."""
    rows = compare(left, right, names)
    print_rows(rows)
    # The order is the rows' own, and which network it is has a row if it is not the same one.
    for key in sorted((left[1].keys() | right[1].keys()) - {"order", "network"}):
        values = [side[1].get(key, "not given") for side in (left, right)]
        if not same_setting(values[0], values[1]):
            print(f"  note: {key} is {values[0]} in {names[0]}, {values[1]} in {names[1]}")
    return rows


def print_rows(rows: list[Row]) -> None:
    width = max((len(row.name) for row in rows), default=0)
    for row in rows:
        shape = "×".join(map(str, row.shape)) or "scalar"
        print(f"  {row.name:<{width}}  {shape:>9}  {row.dtype:<7}  {row.verdict}")


def same_setting(a: str, b: str) -> bool:
    """Whether two values of the metadata mean the same: 1e-3 is 0.001."""
    try:
        return a == b or float(a) == float(b)
    except ValueError:
        return False


def summarize(rows: list[Row]) -> int:
    """Prints the verdict; returns the exit code."""
    different = [row.name for row in rows if not row.equal]
    if not rows:
        print("\nnothing to compare: neither side has a tensor")
        return 1
    if different:
        print(f"\n{len(different)} of {len(rows)} rows differ, the first: {different[0]}")
        return 1
    exact = sum(row.exact for row in rows)
    others = f", {len(rows) - exact} metrics equal to 1e-12" if exact < len(rows) else ""
    print(f"\n{exact} tensors, all equal to the bit{others}")
    return 0


def fail(message: object) -> NoReturn:
    sys.exit(f"error: {message}")
