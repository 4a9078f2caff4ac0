"""Statements: each with the line of Python that it stands for."""

from dataclasses import dataclass

from .expressions import Expression, Held, Name


@dataclass(frozen=True, order=True)
class Line:
    """A statement of Python: where it begins, and its text in one line."""

    file: str
    number: int
    text: str


@dataclass(frozen=True)
class Let:
    """A name for a value."""

    target: Name
    value: Expression
    line: Line | None = None


@dataclass(frozen=True)
class Do:
    """An expression for the sake of its effect."""

    value: Expression
    line: Line | None = None


@dataclass(frozen=True)
class Register:
    """A field of the instance, set in the constructor. What is stored is a parameter or a buffer of
    the variable store as well, and has a local name; without a field, it is only that."""

    field: str
    value: Expression
    stored: str | None = None
    trainable: bool = False
    line: Line | None = None
    target: Name | None = None


@dataclass(frozen=True)
class For:
    """The layers of a list, one after the other, each on what the one before gave."""

    field: str
    item: Name
    carried: Name
    value: Expression
    line: Line | None = None


@dataclass(frozen=True)
class Tie:
    """A parameter of a layer that is another's: the field of the constructor's, and what is below
    it, and the parameter that it is."""

    target: Held
    value: Expression
    line: Line | None = None


@dataclass(frozen=True)
class Freeze:
    """`requires_grad_(False)` on parameters, by name."""

    names: tuple[str, ...]
    line: Line | None = None


@dataclass(frozen=True)
class Repeated:
    """Names below each of the first `count` elements of the list at `prefix`."""

    prefix: str
    count: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class InitializeAll:
    """The same initial value for several parameters, by name; `value` has the first of them."""

    names: tuple[str, ...]
    value: Expression
    line: Line | None = None


@dataclass(frozen=True)
class WhenTraining:
    """What is done in training, and what in evaluation; each ends with a `Return`, or goes on."""

    training: tuple["Statement", ...]
    evaluation: tuple["Statement", ...]
    line: Line | None = None


@dataclass(frozen=True)
class Return:
    """The results."""

    values: tuple[Expression, ...]
    line: Line | None = None


@dataclass(frozen=True)
class Expect:
    """The size of an input that the recording has fixed: refused where it is another."""

    argument: Name
    shape: tuple[int | None, ...]
    dtype: object
    words: tuple[str, ...]  # the dimensions as the user has them


@dataclass(frozen=True)
class Require:
    """A condition on sizes under which the recording holds: refused where it does not."""

    condition: Expression
    words: str


Statement = (
    Let
    | Do
    | Register
    | Tie
    | For
    | Freeze
    | InitializeAll
    | WhenTraining
    | Return
    | Expect
    | Require
)
