"""What several passes ask of a body: its parts, and the uses of names in it."""

import dataclasses
from collections.abc import Callable

from ..nodes import Effect, Method, Name, Statement, WhenTraining, effect_of, everything

Body = tuple[Statement, ...]


def in_bodies(method: Method | None, change: Callable[[Body], Body]) -> Method | None:
    """The method with each of its bodies changed: its own, and those of training and evaluation."""
    return method and dataclasses.replace(method, body=change_bodies(method.body, change))


def change_bodies(body: Body, change: Callable[[Body], Body]) -> Body:
    inner = tuple(
        dataclasses.replace(
            s,
            training=change_bodies(s.training, change),
            evaluation=change_bodies(s.evaluation, change),
        )
        if isinstance(s, WhenTraining)
        else s
        for s in body
    )
    return change(inner)


def uses(node: object) -> dict[Name, int]:
    """How often each name occurs, where it is set included."""
    found: dict[Name, int] = {}
    for part in everything(node):
        if isinstance(part, Name):
            found[part] = found.get(part, 0) + 1
    return found


def effect(node: object) -> Effect:
    """The strongest effect in a node."""
    return max((effect_of(part) for part in everything(node)), default=Effect.PURE)
