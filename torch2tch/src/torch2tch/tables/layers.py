"""The table of layers: what each layer of torch.nn is in the library, read from layers.txt."""

import functools
import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

FILE = Path(__file__).resolve().parents[1] / "port" / "spellings" / "layers.txt"

PLACEHOLDER = re.compile(r"\{(\w+):(\w+)\}")

# Texts that are a variant of an enumeration in Rust.
VARIANTS = {
    "PaddingMode": {"zeros", "reflect", "replicate", "circular"},
    "AutoPad": {"same", "valid"},
    "EmbeddingBagMode": {"mean", "sum", "max"},
    "Nonlinearity": {"tanh", "relu"},
    "InterpolateMode": {
        "nearest",
        "nearest-exact",
        "linear",
        "bilinear",
        "bicubic",
        "trilinear",
        "area",
    },
}

VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

# Fields of layers of tch, by the parameter's name in Python: (field, it is an `Option`). The
# library's own layers keep Python's names.
FIELDS = {
    "Linear": {"weight": ("ws", False), "bias": ("bs", True)},
    "Conv1D": {"weight": ("ws", False), "bias": ("bs", True)},
    "Conv2D": {"weight": ("ws", False), "bias": ("bs", True)},
    "Conv3D": {"weight": ("ws", False), "bias": ("bs", True)},
    "Embedding": {"weight": ("ws", False)},
}


@dataclass(frozen=True)
class LayerRow:
    """A layer in both languages. `new` makes it, with a place for each argument; `fields` are those
    of its configuration: (Python's argument, Rust's field, kind)."""

    name: str
    new: str
    type: str
    config: str
    fields: tuple[tuple[str, str, str], ...]
    call: str

    @property
    def trains(self) -> bool:
        return self.call == "train"

    @property
    def kinds(self) -> tuple[tuple[str, str], ...]:
        """The arguments of `new`: (Python's name, kind)."""
        return tuple(PLACEHOLDER.findall(self.new))

    def default(self, argument: str) -> object:
        """Python's default."""
        return inspect.signature(getattr(nn, self.name).__init__).parameters[argument].default

    @property
    def has_path(self) -> bool:
        return "{path}" in self.new


@functools.cache
def table() -> tuple[LayerRow, ...]:
    """The layers that take a tensor and give one."""
    rows = []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]
        name, new, type_, config, call = (cells + [""] * 5)[:5]
        if call in ("", "train"):
            struct, _, fields = config.partition(":")
            rows.append(LayerRow(name, new, type_, struct.strip(), _fields(fields), call))
    return tuple(rows)


def _fields(text: str) -> tuple[tuple[str, str, str], ...]:
    found = []
    for field in text.split():
        names, kind = field.split("=")
        python, _, rust = names.partition("->")
        found.append((python, rust or python, kind))
    return tuple(found)


def fit(
    layer: type[nn.Module], bound: dict[str, object]
) -> tuple[LayerRow, dict[str, object]] | None:
    """The first row whose arguments fit what the layer was made with, and these arguments: those of
    `new`, and those of the configuration."""
    if not layer.__module__.startswith("torch.nn.modules"):
        return None
    name = "Linear" if layer.__name__ == "NonDynamicallyQuantizableLinear" else layer.__name__
    for row in table():
        if row.name == name and (written := _written(row, layer, bound)) is not None:
            return row, written
    return None


def _written(row: LayerRow, layer: type, bound: dict[str, object]) -> dict[str, object] | None:
    parameters = inspect.signature(layer.__init__).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    written, known = {}, {"inplace", "device", "dtype", "self"}
    # `*args` of a layer without arguments, and of `Identity`, which takes any.
    known |= {name for name, parameter in parameters.items() if parameter.kind in VARIADIC}
    for argument, kind in row.kinds:
        known.add(argument)
        if argument not in bound or not fits(kind, bound[argument]):
            return None
        written[argument] = bound[argument]
    for argument, _, kind in row.fields:
        known.add(argument)
        if argument not in bound:
            continue
        is_default = bound[argument] == defaults.get(argument)
        if not is_default and not fits(kind, bound[argument]):
            return None
        written.setdefault(argument, bound[argument])
    for argument, value in bound.items():
        if argument not in known and value != defaults.get(argument):
            return None
    return written


def fits(kind: str, value: Any) -> bool:
    """A value can be written as that kind."""
    if kind in VARIANTS:
        return value in VARIANTS[kind]
    if kind.startswith("option_"):
        return value is None or fits(kind.removeprefix("option_"), value)
    is_int = isinstance(value, int) and not isinstance(value, bool)
    if kind in ("int", "row"):
        return is_int and (kind == "int" or value >= 0)
    if kind == "float":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "str":
        return isinstance(value, str)
    if kind == "same":
        return is_int or (_ints(value) and len(set(value)) == 1)
    if kind in ("vec", "array"):
        return (is_int and kind == "vec") or _ints(value)
    if kind == "vec_float":
        return isinstance(value, (tuple, list)) and all(isinstance(v, (int, float)) for v in value)
    length = re.fullmatch(r"(?:int|sizes|stride)(\d)", kind)
    if length:
        return is_int or (_ints(value) and len(value) == int(length[1]))
    return False


def _ints(value: Any) -> bool:
    return (
        isinstance(value, (tuple, list))
        and bool(value)
        and all(isinstance(v, int) and not isinstance(v, bool) for v in value)
    )
