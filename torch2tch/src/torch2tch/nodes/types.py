"""The closed set of types that a value, a field or an argument of a port can have."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TensorType:
    """A tensor of any dtype and shape."""


@dataclass(frozen=True)
class NumberType:
    """A number of Python: `int`, `float` or `bool`."""

    python: type


@dataclass(frozen=True)
class LayerType:
    """A layer of the library, by the type's name there."""

    name: str


@dataclass(frozen=True)
class SequentialType:
    """A chain of layers, each of which takes a tensor and gives one."""

    trains: bool


@dataclass(frozen=True)
class ClassType:
    """A ported class, by its number in the model until it has a name."""

    number: int


@dataclass(frozen=True)
class ListType:
    """Several of one type."""

    item: "Type"


@dataclass(frozen=True)
class OptionType:
    """One that some instances lack."""

    item: "Type"


@dataclass(frozen=True)
class TupleType:
    """Several, each of its own type."""

    items: tuple["Type", ...]


Type = (
    TensorType
    | NumberType
    | LayerType
    | SequentialType
    | ClassType
    | ListType
    | OptionType
    | TupleType
)

TENSOR = TensorType()
INT, FLOAT, BOOL = NumberType(int), NumberType(float), NumberType(bool)
