"""Classes that need no path of the variable store, as they make nothing that is stored."""

import dataclasses

from ..nodes import (
    Class,
    Do,
    Freeze,
    InitializeAll,
    NewClass,
    NewLayer,
    Operation,
    Register,
    Variable,
    everything,
)


def without_needless_paths(classes: list[Class]) -> list[Class]:
    """The classes, each behind those that it uses, with what each takes; one that is made, needs no
    path and is used by no method is not made. The model itself takes the path of its caller."""
    found: dict[int, Class] = {}
    for class_ in classes:
        kept = tuple(s for s in class_.constructor if not _is_needless(s, found))
        class_ = dataclasses.replace(class_, constructor=kept)
        fields = [s for s in kept if isinstance(s, Register)]
        # `new()` without any argument would ask for a `Default` beside it.
        takes = (
            class_.number == classes[-1].number
            or any(needs_path(part, found) for part in everything(kept))
            or (bool(fields) and not class_.parameters)
        )
        found[class_.number] = dataclasses.replace(class_, takes_path=takes)
    used = {classes[-1].number}
    for class_ in reversed(found.values()):
        if class_.number in used:
            parts = everything(class_.constructor)
            used |= {part.number for part in parts if isinstance(part, NewClass)}
    return [class_ for class_ in found.values() if class_.number in used]


def _is_needless(statement: object, found: dict[int, Class]) -> bool:
    return (
        isinstance(statement, Do)
        and isinstance(statement.value, NewClass)
        and not needs_path(statement.value, found)
    )


def needs_path(part: object, found: dict[int, Class]) -> bool:
    """The part stores something below the path, or makes it on its device."""
    match part:
        case Variable() | Freeze() | InitializeAll():
            return True
        case NewClass(number=number):
            return found[number].takes_path
        case NewLayer(row=row):
            return row.has_path
        case Register(stored=stored):
            return stored is not None
        case Operation(schema=schema):
            words = {word for row in schema.rows() for _, word in row.parameters}
            return bool(words & {"options", "device"})
        case _:
            return False
