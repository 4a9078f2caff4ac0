"""The comparison of two sets of named arrays, to the bit. One pure function: `compare`."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Row:
    """What the comparison found out about one name."""

    name: str
    shape: tuple
    dtype: str
    verdict: str
    equal: bool


def compare(left, right, names=("Python", "Rust")):
    """One row for each name in either dict of arrays, in the order in which a trace comes about.

    Arrays are equal if they have the same shape, dtype and bits. NaN equals NaN in the same place,
    whatever its payload; 0.0 and -0.0 differ.
    """
    rows = []
    for name in sorted(left.keys() | right.keys(), key=_moment):
        sides = [side[name] for side in (left, right) if name in side]
        if len(sides) == 2:
            verdict = _difference(*sides, names)
        else:
            verdict = f"only in {names[0] if name in left else names[1]}"
        shape, dtype = sides[0].shape, str(sides[0].dtype)
        rows.append(Row(name, shape, dtype, verdict or "equal", not verdict))
    return rows


def _moment(name):
    """Sorts the tensors of a trace by when they are computed."""
    prefix = name.split(".")[0]
    moments = {"input": 0, "target": 1, "init": 2, "output": 3, "grad": 5, "step1": 6, "losses": 7}
    later = 8 if prefix.startswith("step") else 4
    return moments.get(prefix, later), name


def _difference(left, right, names):
    """What differs, in a phrase, or nothing."""
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


def _bits(array):
    return array.view(f"u{array.dtype.itemsize}") if array.ndim else array.reshape(1).view(
        f"u{array.dtype.itemsize}"
    ).reshape(())


def _largest_ulp(a, b):
    """How many floats lie between two numbers, at the most; no distance leads to NaN."""
    if np.isnan(a).any() or np.isnan(b).any():
        return "NaN"
    return max(abs(int(x) - int(y)) for x, y in zip(_ordinal(a), _ordinal(b)))


def _ordinal(array):
    """Numbers the floats in their order; -0.0 comes just before 0.0."""
    bits = array.view(f"i{array.dtype.itemsize}").astype(object)
    smallest = -(2 ** (8 * array.dtype.itemsize - 1))
    return np.where(array.view(f"i{array.dtype.itemsize}") < 0, smallest - bits - 1, bits)
