"""Names of locals: Python's, where the variable that had the name before is not needed any more."""

from collections.abc import Iterator

from ..nodes import For, Name, Statement, WhenTraining, names_in
from ..understand.names import identifier
from .bodies import Body

RESERVED = {"train", "vs", "name", "i"}


def local_names(
    body: Body,
    arguments: tuple[Name, ...],
    taken: frozenset[str] = frozenset(),
    fixed: dict[Name, str] | None = None,
) -> dict[Name, str]:
    """The name of each local. `taken` are names that stand for something else throughout; `fixed`
    have their names already."""
    flat = list(_flat(body))
    last: dict[Name, int] = {}
    for place, statement in enumerate(flat):
        for name in names_in(statement):
            last[name] = place
    names: dict[Name, str] = dict(fixed or {})
    holders: dict[str, Name] = {text: name for name, text in names.items()}
    for argument in arguments:
        names[argument] = _free(identifier(argument.hint), argument, -1, holders, last, taken)
    for place, statement in enumerate(flat):
        for name in _set_by(statement):
            if name not in names:
                names[name] = _free(identifier(name.hint), name, place, holders, last, taken)
    return names


def _free(
    base: str,
    name: Name,
    place: int,
    holders: dict[str, Name],
    last: dict[Name, int],
    taken: frozenset[str],
) -> str:
    number, text = 2, base
    while (
        text in taken
        or text in RESERVED
        or (text in holders and last.get(holders[text], -1) > place)
    ):
        text, number = f"{base}{number}", number + 1
    holders[text] = name
    return text


def _flat(body: Body) -> Iterator[Statement]:
    for statement in body:
        if isinstance(statement, WhenTraining):
            yield from _flat(statement.training)
            yield from _flat(statement.evaluation)
        else:
            yield statement


def _set_by(statement: Statement) -> list[Name]:
    if isinstance(statement, For):
        return [statement.item]
    target = getattr(statement, "target", None)
    return [target] if isinstance(target, Name) else []
