"""Calls of the elements of a list, one after the other, as a loop."""

import dataclasses

from ..nodes import (
    Call,
    For,
    Held,
    Let,
    Name,
    NewList,
    Register,
    Rolled,
    Statement,
    names_in,
    replace,
)
from ..understand import Struct


def arrange_loops(struct: Struct) -> Struct:
    """The struct whose `forward` goes through its lists in loops."""
    if struct.forward is None:
        return struct
    lengths = {}
    for statement in struct.constructor:
        if isinstance(statement, Register) and isinstance(statement.value, Rolled):
            lengths[statement.field] = statement.value.count.value
        elif isinstance(statement, Register) and isinstance(statement.value, NewList):
            lengths[statement.field] = len(statement.value.items)
    body = _rolled(struct.forward.body, lengths)
    return dataclasses.replace(struct, forward=dataclasses.replace(struct.forward, body=body))


def _rolled(body: tuple[Statement, ...], lengths: dict[str, int]) -> tuple[Statement, ...]:
    out: list[Statement] = []
    place = 0
    while place < len(body):
        run = _run(body, place, lengths)
        if run is None:
            out.append(body[place])
            place += 1
            continue
        (start, loop), rest = run
        begun = _begun(out, start, loop, rest)
        return (*begun, loop, *_rolled(rest, lengths))
    return tuple(out)


def _begun(
    out: list[Statement], start: Let, loop: For, rest: tuple[Statement, ...]
) -> list[Statement]:
    """What is before the loop: its variable is what the statement before gives, where nothing else
    uses that."""
    before = out[-1] if out else None
    if (
        isinstance(before, Let)
        and before.target == start.value
        and before.target not in (*names_in(loop), *names_in(rest))
    ):
        return [*out[:-1], dataclasses.replace(before, target=start.target)]
    return [*out, start]


def _run(
    body: tuple[Statement, ...], place: int, lengths: dict[str, int]
) -> tuple[tuple[Let, For], tuple[Statement, ...]] | None:
    """The loop that begins at `place`, and what follows it; `None` where none begins."""
    first = body[place]
    if not _is_element(first, 0) or (field := first.value.callee.parts[0]) not in lengths:
        return None
    count = lengths[field]
    run = body[place : place + count]
    if count < 2 or len(run) < count:
        return None
    carried = _carried(run)
    if carried is None:
        return None
    numbers = [name.number for name in names_in(body)]
    variable = Name(max(numbers) + 1, _hint(first, carried))
    item = Name(max(numbers) + 2, _singular(field))
    start = first.value.inputs[carried]
    inputs = tuple(
        variable if i == carried else value for i, value in enumerate(first.value.inputs)
    )
    loop = For(
        field,
        item,
        variable,
        dataclasses.replace(first.value, callee=item, inputs=inputs),
        first.line,
    )
    rest = replace(body[place + count :], {run[-1].target: variable})
    return (Let(variable, start, None), loop), rest


def _is_element(statement: Statement, number: int) -> bool:
    return (
        isinstance(statement, Let)
        and isinstance(statement.value, Call)
        and isinstance(statement.value.callee, Held)
        and statement.value.callee.parts[1:] == (number,)
    )


def _carried(run: tuple[Statement, ...]) -> int | None:
    """The input through which each element takes what the one before it gave."""
    first, second = run[0], run[1]
    if not _is_element(second, 1):
        return None
    places = [i for i, value in enumerate(second.value.inputs) if value == first.target]
    if len(places) != 1:
        return None
    carried = places[0]
    for number, statement in enumerate(run):
        if (
            not _is_element(statement, number)
            or statement.value.callee.parts[0] != first.value.callee.parts[0]
        ):
            return None
        if number == 0:
            continue
        expected = tuple(
            run[number - 1].target if i == carried else value
            for i, value in enumerate(first.value.inputs)
        )
        if statement.value.inputs != expected:
            return None
    inner = {statement.target for statement in run[:-1]}
    if any(
        name in inner
        for statement in run
        for i, value in enumerate(statement.value.inputs)
        if i != carried
        for name in names_in(value)
    ):
        return None
    return carried


def _hint(first: Let, carried: int) -> str:
    value = first.value.inputs[carried]
    return value.hint if isinstance(value, Name) else "x"


def _singular(field: str) -> str:
    one = field.rsplit("_", 1)[-1].removesuffix("s")
    return one if len(one) > 1 and one != field else "layer"
