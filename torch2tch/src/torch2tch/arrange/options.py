"""Layers that some instances of a class lack, such as a `downsample`: one struct with an
`Option`."""

import dataclasses

from ..nodes import (
    Call,
    Constant,
    Held,
    Let,
    MaybeCall,
    Name,
    Optional,
    Register,
    Return,
    Statement,
    constants,
    key,
    names_in,
    replace,
    transform,
)
from ..understand import Struct


def with_options(structs: list[Struct]) -> list[Struct]:
    """Structs of one class in one form, where they differ in a layer that is called in one line and
    missing in others."""
    plain = structs
    structs = [_with_calls_apart(struct) for struct in structs]
    found = list(structs)
    forms = {_form(struct): struct for struct in structs}
    if len(forms) < 2:
        return plain
    fullest = max(forms.values(), key=lambda struct: len(struct.constructor))
    for place, struct in enumerate(found):
        if _form(struct) == _form(fullest):
            continue
        joined = _joined(fullest, struct)
        if joined is not None:
            found[place] = joined
            continue
        return plain
    missing = {field for struct in found for field in _absent(struct.constructor)}
    return [_optional(struct, missing) for struct in found]


def _with_calls_apart(struct: Struct) -> Struct:
    """A call that is returned has a name first, like any other."""
    if struct.forward is None or not isinstance(struct.forward.body[-1], Return):
        return struct
    *body, last = struct.forward.body
    if len(last.values) != 1 or not isinstance(last.values[0], Call):
        return struct
    target = Name(1 + max((n.number for n in names_in(struct.forward)), default=0), "x")
    body += [Let(target, last.values[0], last.line), Return((target,), last.line)]
    forward = dataclasses.replace(struct.forward, body=tuple(body))
    return dataclasses.replace(struct, forward=forward)


def _form(struct: Struct) -> object:
    return key(struct.constructor), key(struct.forward)


def _joined(full: Struct, lean: Struct) -> Struct | None:
    """The lean one with the absence of each layer that it lacks said; `None` where they differ in
    anything else."""
    constructor = _constructor(full.constructor, lean.constructor)
    if constructor is None or full.forward is None or lean.forward is None:
        return None
    body = _body(full.forward.body, lean.forward.body, _absent(constructor))
    if body is None:
        return None
    forward = dataclasses.replace(
        lean.forward, body=body, trains=lean.forward.trains or full.forward.trains
    )
    return dataclasses.replace(lean, constructor=constructor, forward=forward)


def _constructor(
    full: tuple[Statement, ...], lean: tuple[Statement, ...]
) -> tuple[Statement, ...] | None:
    out, rest = [], list(lean)
    for statement in full:
        if rest and key(rest[0]) == key(statement):
            out.append(rest.pop(0))
        elif isinstance(statement, Register) and statement.stored is None:
            out.append(dataclasses.replace(statement, value=_option(statement, False)))
        else:
            return None
    return None if rest else tuple(out)


def _option(statement: Register, present: bool) -> Optional:
    """The layer as an option. The numbers of one that is missing are open."""

    def open_(node: object) -> object:
        return dataclasses.replace(node, is_open=True) if isinstance(node, Constant) else node

    layer = statement.value if present else transform(statement.value, open_)
    return Optional(Constant(present, f"has_{statement.field}"), layer)


def _absent(constructor: tuple[Statement, ...]) -> set[str]:
    return {
        s.field
        for s in constructor
        if isinstance(s, Register)
        and isinstance(s.value, Optional)
        and s.value.present.value is False
    }


def _body(
    full: tuple[Statement, ...], lean: tuple[Statement, ...], missing: set[str]
) -> tuple[Statement, ...] | None:
    """The full one's statements with the lean one's constants. A call of a missing layer hands its
    input on."""
    out: list[Statement] = []
    rest = list(lean)
    names: dict[Name, object] = {}  # of the full one: what the lean one has there
    for statement in full:
        if isinstance(statement, Let) and _is_missing(statement, missing):
            source = statement.value.inputs[0]
            names[statement.target] = names.get(source, source)
            out.append(dataclasses.replace(statement, value=_maybe(statement.value)))
            continue
        if not rest:
            return None
        other = rest.pop(0)
        if key(replace(statement, names)) != key(replace(other, {})) and not _same_but_target(
            statement, other, names
        ):
            return None
        out.append(_with_constants(statement, other))
        if isinstance(statement, Let):
            names[statement.target] = other.target
    return None if rest else tuple(out)


def _same_but_target(statement: Statement, other: Statement, names: dict) -> bool:
    if type(statement) is not type(other):
        return False
    if isinstance(statement, Let):
        return key(replace(statement.value, names)) == key(other.value)
    return isinstance(statement, Return) and key(replace(statement.values, names)) == key(
        other.values
    )


def _is_missing(statement: Let, missing: set[str]) -> bool:
    value = statement.value
    return (
        isinstance(value, Call)
        and value.unary
        and isinstance(value.callee, Held)
        and len(value.callee.parts) == 1
        and value.callee.parts[0] in missing
    )


def _maybe(call: Call) -> MaybeCall:
    return MaybeCall(call.callee, call.inputs[0], call.trains)


def _with_constants(statement: Statement, other: Statement) -> Statement:
    """The statement with the constants of another of its form."""
    values = iter(constants(other))
    return transform(statement, lambda node: next(values) if isinstance(node, Constant) else node)


def _optional(struct: Struct, missing: set[str]) -> Struct:
    """The struct with these fields as options."""
    constructor = tuple(
        dataclasses.replace(s, value=_option(s, True))
        if isinstance(s, Register) and s.field in missing and not isinstance(s.value, Optional)
        else s
        for s in struct.constructor
    )
    body = tuple(
        dataclasses.replace(s, value=_maybe(s.value))
        if isinstance(s, Let) and _is_missing(s, missing)
        else s
        for s in struct.forward.body
    )
    return dataclasses.replace(
        struct, constructor=constructor, forward=dataclasses.replace(struct.forward, body=body)
    )
