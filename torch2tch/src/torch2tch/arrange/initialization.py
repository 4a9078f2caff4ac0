"""Initial values: one statement of Python that initializes many parameters, as one loop."""

import dataclasses
import re

from ..nodes import Do, Expression, Initialize, Operation, Statement, Variable, everything
from ..nodes.statements import InitializeAll, Repeated
from .bodies import Body


def group_initialization(body: Body) -> Body:
    """The body with runs of one statement of Python over several parameters as loops. An entry
    joins a run that is further back if it draws nothing, or nothing that draws stands between."""
    out: list[Statement] = []
    for statement in body:
        target = _target(statement)
        place = _run_for(statement, out) if target else None
        if place is None:
            out.append(statement)
        elif isinstance(out[place], InitializeAll):
            out[place] = dataclasses.replace(out[place], names=(*out[place].names, target))
        else:
            first = out[place]
            out[place] = InitializeAll((_target(first), target), first.value, first.line)
    return tuple(out)


def roll_names(names: tuple[str, ...]) -> tuple[str | Repeated, ...]:
    """The names, with the same parameters of the elements of a list as one entry, if there are two
    elements or more."""
    out: list[str | Repeated] = []
    place = 0
    while place < len(names):
        found = _repeated(names, place)
        if found is None:
            out.append(names[place])
            place += 1
        else:
            out.append(found)
            place += found.count * len(found.names)
    return tuple(out)


def _repeated(names: tuple[str, ...], place: int) -> Repeated | None:
    """The longest repetition that begins at a name: `PREFIX.0.…`, `PREFIX.1.…` and so on."""
    parts = names[place].split(".")
    for at, part in enumerate(parts):
        if part != "0":
            continue
        prefix = ".".join(parts[:at])
        inner: dict[int, list[str]] = {}
        for name in names[place:]:
            found = re.match(
                rf"{re.escape(prefix)}\.(\d+)\.(.+)" if prefix else r"(\d+)\.(.+)", name
            )
            if found is None or int(found[1]) not in (len(inner) - 1, len(inner)):
                break
            inner.setdefault(int(found[1]), []).append(found[2])
        count = next((n for n in range(len(inner)) if inner[n] != inner[0]), len(inner))
        if count > 1:
            return Repeated(prefix, count, tuple(inner[0]))
    return None


def _target(statement: Statement) -> str | None:
    """The one parameter that is changed, if nothing else is read."""
    if not isinstance(statement, Do) or not isinstance(statement.value, (Initialize, Operation)):
        return None
    variables = [part for part in everything(statement.value) if isinstance(part, Variable)]
    first = (
        statement.value.tensor
        if isinstance(statement.value, Initialize)
        else statement.value.arguments[0][1]
    )
    only = len(variables) == 1 and variables[0] is first and isinstance(first.name, str)
    return first.name if only else None


def _run_for(statement: Do, out: list[Statement]) -> int | None:
    """The run that the statement joins."""
    form = _form(statement.value)
    for place in range(len(out) - 1, -1, -1):
        other = out[place]
        if (
            isinstance(other, InitializeAll)
            and other.line == statement.line
            and _form(other.value) == form
            and _target(statement) not in other.names
        ):
            return place
        if (
            isinstance(other, Do)
            and _target(other)
            and other.line == statement.line
            and _form(other.value) == form
            and _target(other) != _target(statement)
        ):
            return place
        if not isinstance(other, (InitializeAll, Do)) or not _commutes(other, statement):
            return None
    return None


def _commutes(other: Statement, statement: Do) -> bool:
    names = other.names if isinstance(other, InitializeAll) else (_target(other),)
    return (
        None not in names
        and _target(statement) not in names
        and not (_draws(other.value) and _draws(statement.value))
    )


def _draws(value: Expression) -> bool:
    if isinstance(value, Initialize):
        return value.function not in ("constant_", "ones_", "zeros_", "eye_", "dirac_")
    return value.schema.draws


def _form(value: Expression) -> object:
    """What is done, without the parameter that it is done to."""
    if isinstance(value, Initialize):
        return value.function, value.arguments
    return value.schema.operation, value.arguments[1:], value.dtype
