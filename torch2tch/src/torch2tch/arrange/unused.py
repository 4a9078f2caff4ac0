"""What nobody uses: values without an effect, and fields that no method reads."""

import dataclasses

from ..nodes import (
    Do,
    Effect,
    For,
    Held,
    Let,
    NewClass,
    NewLayer,
    Register,
    Statement,
    Variable,
    everything,
)
from ..understand import Struct
from .bodies import Body, effect, uses


def drop_unused(body: Body) -> Body:
    """The body without the values that nobody uses; what draws or changes stays for its effect."""
    while True:
        count = uses(body)
        kept: list[Statement] = []
        for statement in body:
            if isinstance(statement, Let) and count[statement.target] == 1:
                if effect(statement.value) is Effect.PURE:
                    continue
                statement = Do(statement.value, statement.line)
            kept.append(statement)
        if len(kept) == len(body) and all(a is b for a, b in zip(kept, body)):
            return body
        body = tuple(kept)


def read_fields(structs: list[Struct]) -> set[str]:
    """The names of fields that are read from another struct."""
    return {
        part
        for struct in structs
        for held in everything((struct.constructor, struct.forward))
        if isinstance(held, Held)
        for part in held.parts[1:]
        if isinstance(part, str)
    }


def drop_fields(struct: Struct, read: set[str]) -> Struct:
    """The struct without fields that no method reads. A layer with parameters is made all the same,
    as they are in the state dict and draw."""
    parts = list(everything((struct.forward, struct.constructor)))
    used = {held.parts[0] for held in parts if isinstance(held, Held)} | read
    used |= {loop.field for loop in parts if isinstance(loop, For)}
    out: list[Statement] = []
    for statement in struct.constructor:
        if not isinstance(statement, Register) or statement.field in used or not statement.field:
            out.append(statement)
        elif statement.target is not None:
            out.append(dataclasses.replace(statement, field=""))
        elif not isinstance(statement.value, Variable) and _makes_parameters(statement.value):
            out.append(Do(statement.value, statement.line))
    return dataclasses.replace(struct, constructor=drop_unused(_without_empty(tuple(out))))


def _without_empty(body: Body) -> Body:
    """A tensor that is not in the state dict and has no field is a local."""
    return tuple(
        Let(s.target, s.value, s.line)
        if isinstance(s, Register) and not s.field and s.stored is None and s.target
        else s
        for s in body
    )


def _makes_parameters(value: object) -> bool:
    parts = list(everything(value))
    return any(
        isinstance(p, NewClass) or (isinstance(p, NewLayer) and p.row.has_path) for p in parts
    )
