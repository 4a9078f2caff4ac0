"""Lists of modules: a `Vec` where the elements are of one type, made in a loop where they are made
alike, and fields of their own otherwise."""

import dataclasses

from ..nodes import (
    Constant,
    Earlier,
    Expression,
    Held,
    Index,
    NewClass,
    NewLayer,
    NewList,
    NewSequential,
    Register,
    Rolled,
    Root,
    Statement,
    transform,
)
from ..understand import Struct


def arrange_lists(struct: Struct) -> Struct:
    """The struct with each of its lists as one of the three."""
    split: set[str] = set()
    out: list[Statement] = []
    for statement in struct.constructor:
        if not isinstance(statement, Register) or not isinstance(statement.value, NewList):
            out.append(statement)
        elif len({kind(item) for item in statement.value.items}) == 1:
            out.append(dataclasses.replace(statement, value=rolled(statement)))
        else:
            split.add(statement.field)
            out += [
                dataclasses.replace(statement, field=f"{statement.field}_{place}", value=item)
                for place, item in enumerate(statement.value.items)
            ]
    if not split:
        return dataclasses.replace(struct, constructor=tuple(out))

    def separate(node: object) -> object:
        if isinstance(node, Held) and node.parts[0] in split and len(node.parts) > 1:
            return dataclasses.replace(
                node, parts=(f"{node.parts[0]}_{node.parts[1]}", *node.parts[2:])
            )
        return node

    return dataclasses.replace(
        struct,
        constructor=transform(tuple(out), separate),
        forward=transform(struct.forward, separate),
    )


def kind(item: Expression) -> object:
    """What type an element is of."""
    match item:
        case Earlier(layer=layer):
            return kind(layer)
        case NewLayer(row=row):
            return row.type
        case NewClass(number=number):
            return number
        case NewSequential():
            return "sequential"
        case _:
            return item


def rolled(statement: Register) -> Expression:
    """The list as a loop over the numbers of its elements, if they differ in nothing else."""
    items = statement.value.items
    if len(items) < 2:
        return statement.value

    def numbered(item: Expression, number: int) -> Expression:
        def change(node: object) -> object:
            if isinstance(node, Root) and len(node.parts) > 1 and node.parts[1] == number:
                return Root((node.parts[0], Index(), *node.parts[2:]))
            return node

        return transform(item, change)

    forms = [numbered(item, number) for number, item in enumerate(items)]
    if any(form != forms[0] for form in forms):
        return statement.value
    return Rolled(Constant(len(items), f"num_{statement.field}"), forms[0])
