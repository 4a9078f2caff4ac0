"""Expressions: frozen, typed by their class, with the effect of evaluating them."""

from dataclasses import dataclass
from enum import IntEnum

from ..tables.layers import LayerRow
from ..tables.operations import Schema


class Effect(IntEnum):
    """The effect of an expression on anything but its value. Order matters between two that draw,
    and between one that changes and any that reads."""

    PURE = 0
    DRAWS = 1
    CHANGES = 2


@dataclass(frozen=True)
class Constant:
    """A number that the instances of a class may differ in, and the name that it goes by, if any.
    One that is open stands where an instance has no such number, and goes with any."""

    value: int | float | bool
    hint: str = ""
    is_open: bool = False


@dataclass(frozen=True)
class Literal:
    """A value that is the same for all: `None`, a text, a dtype."""

    value: object


@dataclass(frozen=True)
class Name:
    """A local variable, by its number in the body; the hint is Python's name for it."""

    number: int
    hint: str


@dataclass(frozen=True)
class Argument:
    """A number that the constructor takes."""

    name: str


@dataclass(frozen=True)
class Root:
    """The path of the variable store that a constructor is given, and what is below it."""

    parts: tuple["str | int | Expression", ...] = ()


@dataclass(frozen=True)
class Variable:
    """A parameter or buffer that a layer has made, by its name below the constructor's path;
    without one, the parameter that a loop over names has reached."""

    name: str | None


@dataclass(frozen=True)
class Held:
    """A field of the instance, and what is below it: `self.fc1`, `self.fc1.ws`, `self.layers[0]`.
    An optional one is a bias that is there."""

    parts: tuple[str | int, ...]
    optional: bool = False


@dataclass(frozen=True)
class Train:
    """The argument that says whether the model trains."""


@dataclass(frozen=True)
class Choice:
    """A value that training and evaluation differ in."""

    training: "Expression"
    evaluation: "Expression"


@dataclass(frozen=True)
class SizeOf:
    """The size of a tensor in one dimension."""

    tensor: "Expression"
    dimension: int


@dataclass(frozen=True)
class Arithmetic:
    """`+`, `-`, `*`, `//` or `%` of integers, as Python has them."""

    sign: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True)
class Comparison:
    """`==`, `!=`, `<`, `<=`, `>` or `>=` of integers."""

    sign: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True)
class ListOf:
    """The elements of a list that an operation takes."""

    items: tuple["Expression", ...]


@dataclass(frozen=True)
class Item:
    """One of several results."""

    value: "Expression"
    place: int
    of_tuple: bool


@dataclass(frozen=True)
class TensorOf:
    """A tensor with these elements, in order."""

    elements: tuple[int | float | bool, ...]
    shape: tuple[int, ...]
    dtype: object


@dataclass(frozen=True)
class Operation:
    """An operation of libtorch: all arguments of its schema, in order, defaults among them."""

    schema: Schema
    arguments: tuple[tuple[str, "Expression"], ...]
    dtype: object = None  # of what it gives

    def __getitem__(self, name: str) -> "Expression":
        return next(value for argument, value in self.arguments if argument == name)


@dataclass(frozen=True)
class Initialize:
    """A function of `torch.nn.init` on a parameter that is there."""

    function: str
    tensor: "Expression"
    arguments: tuple[tuple[str, "Expression"], ...]


@dataclass(frozen=True)
class Call:
    """A layer, a class or a chain, called on tensors. `unary` ones are modules of tch."""

    callee: "Expression"
    inputs: tuple["Expression", ...]
    trains: bool
    unary: bool
    changes: bool = False
    draws: bool = False


@dataclass(frozen=True)
class MaybeCall:
    """A layer that some instances lack, called on a tensor, which is handed on where it is
    missing."""

    callee: Held
    input: "Expression"
    trains: bool


@dataclass(frozen=True)
class NewLayer:
    """A layer of the library: its row of the table, its path, and the arguments of the row."""

    row: LayerRow
    path: Root
    arguments: tuple[tuple[str, "Expression"], ...]


@dataclass(frozen=True)
class NewClass:
    """An instance of a ported class."""

    number: int
    path: Root
    arguments: tuple["Expression", ...] = ()


@dataclass(frozen=True)
class NewSequential:
    """A chain of layers."""

    items: tuple["Expression", ...]


@dataclass(frozen=True)
class NewList:
    """A list of layers; `rolled` has the one expression over `index` that makes each of them."""

    items: tuple["Expression", ...]


@dataclass(frozen=True)
class Earlier:
    """An element of a list that was made before the list, as Python draws something in between."""

    target: Name
    layer: "Expression"


@dataclass(frozen=True)
class Rolled:
    """A list whose elements are made alike, over the number `i` of each."""

    count: "Expression"
    item: "Expression"


@dataclass(frozen=True)
class Optional:
    """A layer that is there if `present` is true."""

    present: "Expression"
    layer: "Expression"


@dataclass(frozen=True)
class Dropped:
    """A layer that Python makes and drops: its draws count."""

    layer: NewLayer


@dataclass(frozen=True)
class Shared:
    """A layer whose own parameters are drawn and dropped; it gets others by a `Tie`."""

    layer: NewLayer


@dataclass(frozen=True)
class Unset:
    """The place of a tensor that the module above gives."""


@dataclass(frozen=True)
class Index:
    """The number of the element that a `Rolled` makes."""


Expression = (
    Constant
    | Literal
    | Name
    | Argument
    | Root
    | Variable
    | Held
    | Train
    | Choice
    | SizeOf
    | Arithmetic
    | Comparison
    | ListOf
    | Item
    | TensorOf
    | Operation
    | Initialize
    | Call
    | MaybeCall
    | NewLayer
    | NewClass
    | NewSequential
    | NewList
    | Earlier
    | Rolled
    | Optional
    | Dropped
    | Shared
    | Unset
    | Index
)


def effect_of(node: object) -> Effect:
    """The effect of evaluating an expression, without those of its parts."""
    match node:
        case Operation(schema=schema):
            return (
                Effect.CHANGES if schema.changes else Effect.DRAWS if schema.draws else Effect.PURE
            )
        case Initialize():
            return Effect.CHANGES
        case Call(changes=True):
            return Effect.CHANGES
        case Call(draws=True) | MaybeCall() | NewLayer() | NewClass() | NewSequential() | NewList():
            return Effect.DRAWS
        case _:
            return Effect.PURE
