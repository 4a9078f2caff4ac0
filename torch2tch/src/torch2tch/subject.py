"""The contract between `load` and the rest: a thing to port, before anything of it has run.

`load` makes a `Subject` from what the command line says; `observe` and `prove` take it from there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import torch
from torch import nn

# The free size that every subject has unless its inputs do not mention it.
BATCH_SIZE = "batch_size"

# The two values at which a free size is observed unless the command line says otherwise.
OBSERVED = (3, 5)


class Refused(Exception):
    """A subject, a class or a line that is not ported. One line a cause, `FILE:LINE: CAUSE;
    REMEDY`."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(frozen=True)
class Size:
    """A size that stays free: its name in the expressions of the inputs, and the values at which it
    is observed and proven."""

    name: str
    observed: tuple[int, int] = OBSERVED


@dataclass(frozen=True)
class Input:
    """An argument of the entry: the argument's name (`None` for one by position) and the text of
    the expression that draws it."""

    argument: str | None
    expression: str


@dataclass(frozen=True)
class Place:
    """The lines of a file, counted from one, that hold the source of a class or a function."""

    file: Path
    first: int
    last: int

    def __contains__(self, line: int) -> bool:
        return self.first <= line <= self.last


def no_place(_: type | Callable) -> Place | None:
    """Stands for a subject without sources, such as an exported program."""
    return None


@dataclass(frozen=True)
class Subject:
    """The thing to port.

    `make` builds the module anew and draws from PyTorch's generator as the user's code does; it is
    called several times, after `torch.manual_seed`. `names` are the names that the expressions of
    `inputs` may use, besides the free sizes: the user's module over torch's. `place_of` tells where
    the source of a class or function stands, or `None` where there is none.
    """

    name: str
    target: str
    make: Callable[[], nn.Module]
    inputs: tuple[Input, ...]
    call: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    sizes: tuple[Size, ...] = (Size(BATCH_SIZE),)
    names: Mapping[str, object] = field(default_factory=lambda: MappingProxyType(dict(vars(torch))))
    place_of: Callable[[type | Callable], Place | None] = no_place
    method: str = "forward"

    def observed(self, turn: int) -> dict[str, int]:
        """The free sizes at the first (0) or the second (1) of their values."""
        return {size.name: size.observed[turn] for size in self.sizes}

    def draw(self, sizes: Mapping[str, int]) -> tuple[list[object], dict[str, object]]:
        """The inputs at these sizes, drawn in the order of the command line: those by position, and
        those by name with the further arguments of the call behind them."""
        positional: list[object] = []
        named: dict[str, object] = {}
        for one in self.inputs:
            value = self.value_of(one, sizes)
            if one.argument is None:
                positional.append(value)
            else:
                named[one.argument] = value
        return positional, named | dict(self.call)

    def value_of(self, one: Input, sizes: Mapping[str, int]) -> object:
        try:
            return eval(one.expression, {**self.names, **sizes})
        except Exception as error:
            label = f"{one.argument}=" if one.argument else ""
            cause = " ".join(str(error).split()) or type(error).__name__
            raise Refused(
                f"--input '{label}{one.expression}': {type(error).__name__}: {cause}"
            ) from error
