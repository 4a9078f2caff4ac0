"""Operations of one line of Python as one expression."""

from ..nodes import (
    Do,
    Effect,
    Held,
    Item,
    Let,
    Literal,
    Name,
    Operation,
    Return,
    Statement,
    everything,
    replace,
)
from .bodies import Body, effect, uses


def fold(body: Body) -> Body:
    """The body with each value that is used once, in the same line of Python, in its place.

    The order of effects stays: a value moves over those that it commutes with only. What is before
    it in the statement that it moves into is evaluated before it, as it was.
    """
    count = uses(body)
    out: list[Statement] = []
    for statement in body:
        if isinstance(statement, (Let, Do, Return)):
            statement = _folded(statement, out, count)
        out.append(statement)
    return _results(tuple(out))


def _folded(statement: Statement, out: list[Statement], count: dict[Name, int]) -> Statement:
    """The statement with values of the statements before it in their places, the last first."""
    place = len(out) - 1
    while place >= 0:
        before = out[place]
        if not isinstance(before, Let) or before.line is None or before.line != statement.line:
            break
        value = statement.values if isinstance(statement, Return) else statement.value
        if (
            count[before.target] == 2
            and _once(value, before)
            and _may_move(before, out[place + 1 :], value)
        ):
            statement = replace(statement, {before.target: before.value})
            del out[place]
        place -= 1
    return statement


def _once(value: object, before: Let) -> bool:
    return sum(part == before.target for part in everything(value)) == 1


def _may_move(before: Let, between: list[Statement], value: object) -> bool:
    """Whether the value can be computed where it is used."""
    if isinstance(value, Operation) and value.schema.is_in_place and _is_place(before.value):
        return False
    own = effect(before.value)
    others = [effect(s) for s in between] + [effect(part) for part in _before(value, before.target)]
    if own is Effect.PURE:
        return Effect.CHANGES not in others
    return not any(others) and not _changes_places(value, before.target)


def _changes_places(value: object, name: Name) -> bool:
    """The value is used in an operation whose arguments Rust takes in another order than Python,
    beside others that have effects: `torch.where(condition, a, b)` is `a.where_self(condition,
    b)`."""
    for part in everything(value):
        if not isinstance(part, Operation) or not part.schema.rows():
            continue
        written = [argument for argument, _ in part.schema.rows()[0].parameters]
        given = [argument for argument, _ in part.arguments if argument in written]
        order = [argument for argument in written if argument in given]
        inside = [any(inner == name for inner in everything(one)) for _, one in part.arguments]
        if order != given and any(inside):
            others = [one for (_, one), here in zip(part.arguments, inside) if not here]
            if any(effect(one) for one in others):
                return True
    return False


def _before(value: object, name: Name) -> list[object]:
    """The parts of an expression that are evaluated before `name` is."""
    found = []
    for part in everything(value):
        if part == name:
            break
        if not any(inner == name for inner in everything(part)):
            found.append(part)
    return found


def _is_place(value: object) -> bool:
    return isinstance(value, (Held, Name, Item, Literal))


def _results(body: Body) -> Body:
    """The body without a name for what it returns at once."""
    if len(body) < 2 or not isinstance(body[-1], Return) or not isinstance(body[-2], Let):
        return body
    last, before = body[-1], body[-2]
    if last.values != (before.target,) or _is_place(before.value):
        return body
    return (*body[:-2], Return((before.value,), before.line))
