"""Walks over nodes, which are trees of frozen dataclasses and tuples."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from ..tables.layers import LayerRow
from ..tables.operations import Schema
from .expressions import Constant, Name
from .statements import Line

# Parts of a node that are not nodes.
LEAVES = (Schema, LayerRow, Line)


def children(node: object) -> Iterator[object]:
    """The parts of a node, in the order in which they are evaluated."""
    if isinstance(node, tuple):
        yield from node
    elif dataclasses.is_dataclass(node) and not isinstance(node, LEAVES):
        for field in dataclasses.fields(node):
            yield getattr(node, field.name)


def everything(node: object) -> Iterator[object]:
    """A node and all below it, each before its parts."""
    yield node
    for child in children(node):
        yield from everything(child)


def constants(node: object) -> list[Constant]:
    """The constants in a node, in order."""
    return [part for part in everything(node) if isinstance(part, Constant)]


def names_in(node: object) -> list[Name]:
    """The uses of locals in a node, in order."""
    return [part for part in everything(node) if isinstance(part, Name)]


def transform(node: Any, change: Callable[[Any], Any]) -> Any:
    """A node with every part changed, the parts before what holds them. A part that does not change
    is handed on as it is."""
    if isinstance(node, tuple):
        parts = tuple(transform(part, change) for part in node)
        return node if all(a is b for a, b in zip(parts, node)) else parts
    if not dataclasses.is_dataclass(node) or isinstance(node, LEAVES):
        return node
    changed = {}
    for field in dataclasses.fields(node):
        old = getattr(node, field.name)
        new = transform(old, change)
        if new is not old:
            changed[field.name] = new
    return change(dataclasses.replace(node, **changed) if changed else node)


def replace(node: Any, values: dict) -> Any:
    """A node with some parts in place of others."""
    return transform(node, lambda part: values.get(part, part) if _hashable(part) else part)


def _hashable(part: object) -> bool:
    try:
        hash(part)
    except TypeError:
        return False
    return True


def key(node: object) -> object:
    """The form of a node: equal for two that differ in constants and in lines only."""
    if isinstance(node, Constant):
        return ("constant", type(node.value).__name__)
    if isinstance(node, Line):
        return "line"
    if isinstance(node, Name):
        return ("name", node.number)
    if isinstance(node, tuple):
        return tuple(key(part) for part in node)
    if isinstance(node, (Schema, LayerRow)) or not dataclasses.is_dataclass(node):
        return node
    return (type(node).__name__, *(key(part) for part in children(node)))
