"""Classes, their methods, and the model that they make up."""

from dataclasses import dataclass

from .expressions import Name
from .statements import Line, Statement
from .types import Type


@dataclass(frozen=True)
class Field:
    """A field of a class."""

    name: str
    type: Type


@dataclass(frozen=True)
class Parameter:
    """A number that a constructor takes, as instances differ in it, and its value in each."""

    name: str
    type: Type
    kept: bool  # needed after construction, and so a field as well


@dataclass(frozen=True)
class Method:
    """`forward`: the names of its arguments, its body, and how it is called."""

    arguments: tuple[Name, ...]
    body: tuple[Statement, ...]
    results: int
    trains: bool
    line: Line | None = None

    @property
    def unary(self) -> bool:
        """Takes a tensor and gives one, as the modules of tch do."""
        return len(self.arguments) == 1 and self.results == 1


@dataclass(frozen=True)
class Class:
    """A class of Python as a struct: one for all instances that differ in numbers only."""

    number: int
    name: str
    module: str
    notes: tuple[str, ...]
    fields: tuple[Field, ...]
    parameters: tuple[Parameter, ...]
    constructor: tuple[Statement, ...]
    forward: Method | None
    paths: tuple[str, ...]
    line: Line | None = None
    init: Line | None = None
    base: str = "nn.Module"
    takes_path: bool = True

    @property
    def is_unit(self) -> bool:
        """Nothing is kept and nothing is made."""
        return not (self.takes_path or self.constructor or self.parameters)


@dataclass(frozen=True)
class Model:
    """The classes, each before those that use it; the last is the subject's."""

    name: str
    classes: tuple[Class, ...]

    @property
    def root(self) -> Class:
        return self.classes[-1]
