"""Modules as they are understood, one by one, before instances of a class become one struct."""

from dataclasses import dataclass

from ..nodes import Expression, LayerType, Method, Statement, Type
from ..tables.layers import LayerRow


@dataclass(frozen=True)
class Leaf:
    """A layer that the library has. `tied` are its parameters that have another name as well."""

    path: str
    row: LayerRow
    arguments: tuple[tuple[str, Expression], ...]
    in_place: bool
    draws: bool
    tied: tuple[tuple[str, str], ...] = ()

    @property
    def type(self) -> Type:
        return LayerType(self.row.type)

    @property
    def trains(self) -> bool:
        return self.row.trains


@dataclass(frozen=True)
class Chain:
    """An `nn.Sequential` that is called as one, on a tensor."""

    path: str
    items: tuple["Instance", ...]


@dataclass(frozen=True)
class Struct:
    """A module with a constructor and a `forward` of its own. `number` stands for it in
    `NewClass`."""

    path: str
    number: int
    cls: type
    constructor: tuple[Statement, ...]
    forward: Method | None


Instance = Leaf | Chain | Struct
