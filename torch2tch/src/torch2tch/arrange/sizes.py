"""Sizes under a name of their own, where they are used more than once."""

import dataclasses

from ..nodes import (
    Expression,
    Let,
    Method,
    Name,
    SizeOf,
    Statement,
    WhenTraining,
    everything,
    names_in,
    replace,
)
from .bodies import Body

NAMES = {0: "batch_size"}


def name_sizes(method: Method) -> Method:
    """The method with a `let` for each size that is used more than once, before its first use, in
    the body that has the tensor."""
    return dataclasses.replace(method, body=_named(method.body, method.arguments))


def _named(body: Body, arguments: tuple[Expression, ...]) -> Body:
    """The outer body first: a name that it gives stands in those of training and evaluation."""
    own = {*arguments, *(s.target for s in body if isinstance(s, Let))}
    body = _at_this_level(body, own)
    return tuple(
        dataclasses.replace(s, training=_named(s.training, ()), evaluation=_named(s.evaluation, ()))
        if isinstance(s, WhenTraining)
        else s
        for s in body
    )


def _at_this_level(body: Body, own: set[Expression]) -> Body:
    found: dict[SizeOf, int] = {}
    for part in everything(body):
        if isinstance(part, SizeOf) and part.tensor in own:
            found[part] = found.get(part, 0) + 1
    repeated = [size for size, count in found.items() if count > 1]
    number = max((name.number for name in names_in((body, *own))), default=0)
    names = {}
    for size in repeated:
        number += 1
        names[size] = Name(number, NAMES.get(size.dimension, f"size{size.dimension}"))
    if not names:
        return body
    first: list[Statement] = []
    done: set[SizeOf] = set()
    for statement in body:
        for size in [
            part for part in everything(statement) if isinstance(part, SizeOf) and part in names
        ]:
            if size not in done:
                done.add(size)
                first.append(Let(names[size], size, getattr(statement, "line", None)))
        first.append(replace(statement, names))
    return tuple(first)
