"""The table of operations: what each operation of libtorch is in tch.

`operations.txt` is generated from libtorch's schemas and tch's signatures; `exceptions.txt` is
written by hand and comes first.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import torch

FOLDER = Path(__file__).resolve().parent

# The default of an argument that has none.
REQUIRED = "required"

# Arguments that have no effect on the values, or that a tensor made in Rust has as its input has.
IGNORED = {"generator", "memory_format", "layout", "pin_memory", "non_blocking", "device"}

# Composite operations whose schema does not say that they change a buffer.
CHANGING = {"batch_norm", "instance_norm"}


@dataclass(frozen=True)
class OperationRow:
    """A method or an operator of tch, or a function of the library, and how its parameters are
    written: (argument, word)."""

    operation: str
    method: str
    parameters: tuple[tuple[str, str], ...]
    gives: str

    @property
    def is_operator(self) -> bool:
        return not self.method[0].isalpha() and self.method[0] != "_"


@dataclass(frozen=True)
class Schema:
    """An operation: its name with the overload, its arguments, their defaults and types."""

    operation: str
    arguments: tuple[str, ...]
    defaults: tuple[object, ...]
    types: tuple[str, ...]
    changes: bool
    draws: bool

    def __str__(self) -> str:
        return f"aten::{self.operation}"

    @property
    def base(self) -> str:
        return self.operation.split(".")[0]

    @property
    def is_in_place(self) -> bool:
        return self.base.endswith("_") and not self.base.endswith("__")

    def default(self, argument: str) -> object:
        return self.defaults[self.arguments.index(argument)]

    def rows(self) -> tuple[OperationRow, ...]:
        return table().get(self.operation, ())


@functools.cache
def schema_of(function: torch._ops.OpOverload) -> Schema:
    schema = function._schema
    name = schema.name.split("::")[1]
    overload = f".{schema.overload_name}" if schema.overload_name else ""
    changes = any(a.alias_info is not None and a.alias_info.is_write for a in schema.arguments)
    return Schema(
        name + overload,
        tuple(a.name for a in schema.arguments),
        tuple(
            _frozen(a.default_value) if a.has_default_value() else REQUIRED
            for a in schema.arguments
        ),
        tuple(str(a.type) for a in schema.arguments),
        changes or name in CHANGING,
        torch.Tag.nondeterministic_seeded in function.tags,
    )


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


@functools.cache
def table() -> dict[str, tuple[OperationRow, ...]]:
    """Operation: its rows, those written by hand first."""
    found: dict[str, tuple[OperationRow, ...]] = {}
    for file in ("exceptions.txt", "operations.txt"):
        for line in (FOLDER / file).read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                row = _row(line)
                found[row.operation] = (*found.get(row.operation, ()), row)
    return found


def _row(line: str) -> OperationRow:
    operation, method, parameters, gives = (cell.strip() for cell in line.split(" | "))
    pairs = tuple((name, word) for name, _, word in (p.partition(":") for p in parameters.split()))
    return OperationRow(operation, method, pairs, gives)
